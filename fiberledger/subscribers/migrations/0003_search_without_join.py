from pathlib import Path

from django.db import migrations

SEARCH = Path(__file__).parent.parent / "sql" / "search.sql"


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0002_guard")]
    # One statement for the driver: a function's body may hold anything.
    operations = [migrations.RunSQL([SEARCH.read_text()], migrations.RunSQL.noop)]
