from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

# path and path_names follow parent and name: a set-based import need not know them, and no cycle can be made.
KEEP_PATH = """
CREATE FUNCTION places_area_keep_path() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE above places_area%ROWTYPE;
BEGIN
  IF NEW.parent_id IS NULL THEN
    NEW.path := '/' || NEW.id || '/';
    NEW.path_names := NEW.name;
  ELSE
    SELECT * INTO above FROM places_area WHERE tenant_id = NEW.tenant_id AND id = NEW.parent_id FOR SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'area % lies in an area that does not exist', NEW.id USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF NEW.id = NEW.parent_id OR position('/' || NEW.id || '/' in above.path) > 0 THEN
      RAISE EXCEPTION 'an area cannot lie inside itself' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'area_not_inside_itself';
    END IF;
    NEW.path := above.path || NEW.id || '/';
    NEW.path_names := above.path_names || ' › ' || NEW.name;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_path BEFORE INSERT OR UPDATE OF parent_id, name, path, path_names ON places_area
  FOR EACH ROW EXECUTE FUNCTION places_area_keep_path();

CREATE FUNCTION places_area_move_below() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE places_area SET name = name WHERE tenant_id = NEW.tenant_id AND parent_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER move_below AFTER UPDATE OF parent_id, name, path, path_names ON places_area
  FOR EACH ROW WHEN (OLD.path IS DISTINCT FROM NEW.path OR OLD.path_names IS DISTINCT FROM NEW.path_names)
  EXECUTE FUNCTION places_area_move_below();

CREATE UNIQUE INDEX area_name_once_here ON places_area (tenant_id, coalesce(parent_id, 0), lower(name));
"""


class Migration(migrations.Migration):
    dependencies = [("places", "0001_initial")]
    operations = [
        IsolateByTenant("Branch", "Area"),
        migrations.RunSQL(
            KEEP_PATH,
            "DROP TABLE IF EXISTS places_area CASCADE; DROP FUNCTION places_area_keep_path, places_area_move_below",
        ),
    ]
