from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial"), ("subscribers", "0002_guard")]
    operations = [IsolateByTenant("NoticePolicy", "NoticeTemplate", "Notice")]
