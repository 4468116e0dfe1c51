from django.db import models


class AmountField(models.DecimalField):
    """numeric(20, 4): exact for every ISO currency; the currency stands in a column beside it."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 20)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)
