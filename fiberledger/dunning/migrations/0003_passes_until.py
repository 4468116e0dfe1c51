from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dunning", "0002_guard"), ("subscriptions", "0003_cut_at")]
    operations = [
        migrations.AddField(
            "suspensionpolicy", "passes_until", models.DateField(null=True, blank=True, editable=False)
        ),
    ]
