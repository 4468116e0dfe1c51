from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("screens", "0001_initial")]
    operations = [IsolateByTenant("SavedView")]
