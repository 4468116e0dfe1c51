from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .importer import importers
from .models import ImportRun
from .readers import LARGEST_FILE, MEGABYTE


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("What is in it?"), widget=forms.RadioSelect)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "Excel, LibreOffice or CSV, up to 100 MB. Nothing is stored until you have seen every row's verdict."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xls,.xlsb,.ods"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = sorted(importers, key=lambda importer: importer.code != "subscribers")
        choices = [(importer.code, f"{importer.title}: {importer.explain}") for importer in kinds]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        self.fields["kind"].initial = kinds[0].code

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(
                _("The file is larger than %(size)s MB. Split it into several files.")
                % {"size": LARGEST_FILE // MEGABYTE}
            )
        return file


class MapForm(forms.Form):
    """One choice of column per field of ours, and how the rows are to be taken."""

    def __init__(self, *args: Any, run: ImportRun, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run
        self.importer = importers.get(run.importer)
        for field in self.importer.fields:
            self.fields[f"field_{field.code}"] = forms.ChoiceField(
                label=field.label,
                required=field.required,
                help_text=field.help,
                choices=[
                    ("", _("not in this file")),
                    *((column, self._told(index, column)) for index, column in enumerate(run.columns)),
                ],
                initial=run.map.get(field.code, ""),
            )
        chosen = run.options.get("create_missing")
        for code, label in ({} if actor.is_limited else self.importer.creatable).items():
            self.fields[f"create_{code}"] = forms.BooleanField(
                label=label, required=False, initial=(code in chosen) if chosen is not None else code == "areas"
            )
        for code, (label, choices) in getattr(self.importer, "questions", {}).items():
            self.fields[f"ask_{code}"] = forms.ChoiceField(
                label=label, choices=choices, widget=forms.RadioSelect, initial=run.options.get(code, choices[0][0])
            )
        self.fields["all_or_nothing"] = forms.BooleanField(
            label=_("All or nothing"), required=False, initial=run.options.get("all_or_nothing", False),
            help_text=_("Take no row while a single one has a fault. Otherwise good rows are taken and the faulty ones come back as a file."),
        )  # fmt: skip
        self.fields["keep_as"] = forms.CharField(
            label=_("Keep this map as"),
            required=False,
            max_length=80,
            help_text=_("The next file with these columns is then mapped by itself."),
        )

    def _told(self, index: int, column: str) -> str:
        """The column with the first values in it, so that one can see what it is."""
        values = [row[index] for row in self.run.samples if index < len(row) and row[index]]
        sample = ", ".join(dict.fromkeys(value[:18] for value in values[:3]))
        return f"{column}  ·  {sample}" if sample else column

    @property
    def chosen_map(self) -> dict[str, str]:
        return {
            name.removeprefix("field_"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("field_") and value
        }

    @property
    def chosen_options(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "create_missing": [code for code in self.importer.creatable if data.get(f"create_{code}")],
            "all_or_nothing": data["all_or_nothing"],
            **{code: data[f"ask_{code}"] for code in getattr(self.importer, "questions", {})},
        }

    @property
    def sections(self) -> list[tuple[Any, list[str]]]:
        known = list(self.fields)
        return [
            (_("Which column is which?"), [name for name in known if name.startswith("field_")]),
            (_("How shall the rows be taken?"), [name for name in known if not name.startswith("field_")]),
        ]
