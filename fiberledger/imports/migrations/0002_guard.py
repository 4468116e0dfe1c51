from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("imports", "0001_initial"), ("files", "0002_guard"), ("jobs", "0002_guard")]
    operations = [IsolateByTenant("ImportRun", "ImportRow", "ImportPart", "ColumnMap")]
