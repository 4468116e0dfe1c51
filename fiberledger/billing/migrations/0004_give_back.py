from django.db import migrations

# An invoice that is voided to be billed again gives back the plan changes it took into account: their rows may go.
# What is written in them still never changes.
MAY_GO = """
DROP TRIGGER append_only ON billing_billedchange;
CREATE TRIGGER never_rewritten BEFORE UPDATE ON billing_billedchange FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT DELETE ON billing_billedchange TO fl_app;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_settle")]
    operations = [migrations.RunSQL(MAY_GO, migrations.RunSQL.noop)]
