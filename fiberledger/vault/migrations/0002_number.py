from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="datakey",
            name="number",
            field=models.PositiveIntegerField(),
        ),
    ]
