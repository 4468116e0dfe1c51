from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .events import choices
from .models import NoticePolicy, NoticeTemplate


class NoticePolicyForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        label=_("Messages to prepare"), choices=choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    sections = [
        (_("What is told"), ["events"], _("Messages wait under “Messages to send” until someone sends them.")),
        (_("How"), ["payment_link", "by_mail"]),
    ]

    class Meta:
        model = NoticePolicy
        fields = ["events", "payment_link", "by_mail"]


class NoticeTemplateForm(forms.ModelForm):
    class Meta:
        model = NoticeTemplate
        fields = ["subject", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].help_text = _("Put variables in double braces, e.g. {{customer_name}}.")
