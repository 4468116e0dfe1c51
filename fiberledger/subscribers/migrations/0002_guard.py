from pathlib import Path

from django.db import migrations

from fiberledger.tenancy.operations import TENANT_IN_SCOPE, IsolateByTenant

SEARCH = Path(__file__).parent.parent / "sql" / "search.sql"

# The same rule as subscribers.models.fold, which a test holds against this one. Letters that Arabic and Urdu
# keyboards write differently become one, accents and invisible marks go.
FOLD = r"""
CREATE FUNCTION fold_name(raw text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT btrim(regexp_replace(lower(translate(
      CASE WHEN raw ~ '^[ -~]*$' THEN raw
           ELSE regexp_replace(normalize(raw, NFKD), '[\u0300-\u036f\u064b-\u065f\u0670\u06d6-\u06ed]', '', 'g') END,
      U&'\064A\0649\0643\0629\06C0\0647\06D5\0671\200B\200C\200D\200E\200F\0640',
      U&'\06CC\06CC\06A9\06C1\06C1\06C1\06C1\0627') COLLATE pg_unicode_fast), '\s+', ' ', 'g'))
$$;

CREATE FUNCTION subscribers_subscriber_fold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.name_key := left(fold_name(NEW.name), 240);
  RETURN NEW;
END $$;
CREATE TRIGGER fold BEFORE INSERT OR UPDATE OF name, name_key ON subscribers_subscriber
  FOR EACH ROW EXECUTE FUNCTION subscribers_subscriber_fold();
"""

# What can be found is kept apart from the subscriber, so that a change of status does not write it again. Every token
# begins with its tenant: the list of a token holds one tenant's rows, however many tenants there are.
#   w…  whole words of name, number, national id, and whatever other rooms put into extra_search (usernames, MACs)
#   d…  every four digits in a row of a phone, and its last three
# Written into the triggers rather than called: a function of SQL costs six times what it computes.
TOKENS = r"""array_to_tsvector(
    ARRAY(SELECT s.tenant_id || ':w' || left(word, 60)
            FROM unnest(string_to_array(concat_ws(' ', s.name_key, fold_name(s.number), lower(s.national_id),
                   ltrim(regexp_replace(s.number, '\D', '', 'g'), '0'), lower(s.extra_search)), ' ')) word
           WHERE word <> '')
    || ARRAY(SELECT s.tenant_id || ':d' || substr(digits, at, 4)
               FROM unnest(string_to_array(translate(concat_ws(' ', s.phone, s.phone2, s.whatsapp), '+', ''), ' ')) digits,
                    generate_series(1, length(digits) - 2) at
              WHERE digits <> ''))"""

ENTRY = r"""
CREATE TABLE subscribers_search (
  tenant_id bigint NOT NULL,
  subscriber_id bigint NOT NULL,
  tokens tsvector NOT NULL,
  PRIMARY KEY (tenant_id, subscriber_id),
  FOREIGN KEY (tenant_id, subscriber_id) REFERENCES subscribers_subscriber (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE subscribers_search ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscribers_search FORCE ROW LEVEL SECURITY;
CREATE POLICY isolate_by_tenant ON subscribers_search USING (tenant_id = TENANT_HERE) WITH CHECK (tenant_id = TENANT_HERE);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON subscribers_search FROM fl_app;
CREATE INDEX subscribers_search_tokens ON subscribers_search USING gin (tokens) WITH (gin_pending_list_limit = 1024);

CREATE FUNCTION subscribers_search_add() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO subscribers_search (tenant_id, subscriber_id, tokens)
  SELECT s.tenant_id, s.id, TOKENS_OF_S FROM added s;
  RETURN NULL;
END $$;
CREATE FUNCTION subscribers_search_change() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.withdrawn_at IS NOT NULL THEN
    DELETE FROM subscribers_search WHERE tenant_id = NEW.tenant_id AND subscriber_id = NEW.id;
    RETURN NULL;
  END IF;
  UPDATE subscribers_search SET tokens = (SELECT TOKENS_OF_S FROM (SELECT NEW.*) s)
   WHERE tenant_id = NEW.tenant_id AND subscriber_id = NEW.id;
  RETURN NULL;
END $$;
ALTER FUNCTION subscribers_search_add() OWNER TO fl_control;
ALTER FUNCTION subscribers_search_change() OWNER TO fl_control;
CREATE TRIGGER search_add AFTER INSERT ON subscribers_subscriber REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION subscribers_search_add();
CREATE TRIGGER search_change
  AFTER UPDATE OF name, number, national_id, phone, phone2, whatsapp, extra_search, withdrawn_at ON subscribers_subscriber
  FOR EACH ROW WHEN ((OLD.name_key, OLD.number, OLD.national_id, OLD.phone, OLD.phone2, OLD.whatsapp, OLD.extra_search, OLD.withdrawn_at)
    IS DISTINCT FROM
    (NEW.name_key, NEW.number, NEW.national_id, NEW.phone, NEW.phone2, NEW.whatsapp, NEW.extra_search, NEW.withdrawn_at))
  EXECUTE FUNCTION subscribers_search_change();
""".replace("TENANT_HERE", TENANT_IN_SCOPE).replace("TOKENS_OF_S", TOKENS)


class Migration(migrations.Migration):
    dependencies = [
        ("subscribers", "0001_initial"),
        ("places", "0002_guard"),
        ("files", "0002_guard"),
        ("ledger", "0001_initial"),
        ("identity", "0001_initial"),
    ]
    operations = [
        IsolateByTenant("RegistrationPolicy", "Tag", "Subscriber", "SubscriberTag", "Note", "Document"),
        migrations.RunSQL(FOLD, migrations.RunSQL.noop),
        migrations.RunSQL(ENTRY, migrations.RunSQL.noop),
        migrations.RunSQL([SEARCH.read_text()], migrations.RunSQL.noop),
    ]
