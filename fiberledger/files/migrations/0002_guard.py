from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("files", "0001_initial")]
    operations = [IsolateByTenant("File")]
