from django.db import migrations

from fiberledger.tenancy.operations import TENANT_IN_SCOPE, IsolateByTenant

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

# Operators of text search are not leakproof, so below a row-level policy their index would never be used. This
# function reads past the policy and therefore names the tenant in scope itself, in every statement and every token (and
# by the token alone in the index, so that no other path to the tenant's rows looks cheaper to the planner).
SEARCH = r"""
CREATE FUNCTION subscribers_lexeme(tenant bigint, token text, is_prefix boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('''' || replace(replace(tenant || ':' || token, '\', '\\'), '''', '''''') || '''' ||
          CASE WHEN is_prefix THEN ':*' ELSE '' END)::tsquery
$$;

CREATE FUNCTION subscriber_search(query text, max integer DEFAULT 20, branches bigint[] DEFAULT NULL,
                                  areas bigint[] DEFAULT NULL, resellers text[] DEFAULT NULL,
                                  collector bigint DEFAULT NULL)
RETURNS TABLE (id bigint, rank integer) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  here constant bigint := TENANT_HERE;
  wanted constant text := fold_name(left(coalesce(query, ''), 80));
  -- Digits as the clerk's keyboard gave them, without country prefix zeros.
  digits constant text := translate(regexp_replace(wanted, '[\s()+./-]', '', 'g'),
      U&'\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9',
      '01234567890123456789');
  is_number constant boolean := digits ~ '^[0-9]{3,}$';
  part text;
  look tsquery;
  found bigint[] := '{}';
  more bigint[];
  many constant integer := least(greatest(coalesce(max, 20), 0), 5000);
BEGIN
  IF here IS NULL OR wanted = '' OR many = 0 THEN
    RETURN;
  END IF;

  -- 1. The very thing: a number, a national id, a username, an address.
  look := subscribers_lexeme(here, 'w' || left(wanted, 60), false);
  IF is_number THEN
    look := look || subscribers_lexeme(here, 'w' || ltrim(digits, '0'), false)
                 || subscribers_lexeme(here, 'w' || digits, false);
  END IF;
  IF wanted ~ '[0-9]' OR wanted ~ '[._@:-]' THEN
    SELECT array_agg(t.subscriber_id) INTO more FROM (
      SELECT e.subscriber_id FROM subscribers_search e JOIN subscribers_subscriber s
          ON s.tenant_id = here AND s.id = e.subscriber_id
       WHERE e.tokens @@ look
         AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
         AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
         AND (collector IS NULL OR s.collector_id = collector)
       LIMIT many) t;
    IF more IS NOT NULL THEN
      RETURN QUERY SELECT unnest(more), 1;
      found := more;
    END IF;
  END IF;

  -- 2. Any part of a phone.
  IF is_number AND cardinality(found) < many THEN
    part := CASE WHEN digits ~ '^00' THEN substr(digits, 3) WHEN digits ~ '^0' THEN substr(digits, 2) ELSE digits END;
    IF length(part) < 3 THEN
      part := digits;
    END IF;
    IF length(part) <= 4 THEN
      look := subscribers_lexeme(here, 'd' || part, length(part) < 4);
    ELSE
      SELECT ('''' || string_agg(here || ':d' || substr(part, at, 4), ''' & ''') || '''')::tsquery INTO look
        FROM generate_series(1, length(part) - 3) at;
    END IF;
    SELECT array_agg(t.subscriber_id) INTO more FROM (
      SELECT e.subscriber_id FROM subscribers_search e JOIN subscribers_subscriber s
          ON s.tenant_id = here AND s.id = e.subscriber_id
       WHERE e.tokens @@ look AND NOT e.subscriber_id = ANY(found)
         AND (strpos(s.phone, part) > 0 OR strpos(s.phone2, part) > 0 OR strpos(s.whatsapp, part) > 0)
         AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
         AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
         AND (collector IS NULL OR s.collector_id = collector)
       LIMIT many - cardinality(found)) t;
    IF more IS NOT NULL THEN
      RETURN QUERY SELECT unnest(more), 2;
      found := found || more;
    END IF;
  END IF;

  -- 3. The beginning of a name.
  IF NOT is_number AND cardinality(found) < many THEN
    SELECT array_agg(t.id) INTO more FROM (
      SELECT s.id FROM subscribers_subscriber s
       WHERE s.tenant_id = here AND s.name_key >= wanted AND s.name_key < wanted || U&'\+10FFFF'
         AND s.withdrawn_at IS NULL
         AND NOT s.id = ANY(found)
         AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
         AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
         AND (collector IS NULL OR s.collector_id = collector)
       ORDER BY s.name_key, s.id LIMIT many - cardinality(found)) t;
    IF more IS NOT NULL THEN
      RETURN QUERY SELECT unnest(more), 3;
      found := found || more;
    END IF;
  END IF;

  -- 4. Words that begin so, in any order: «khan ash», «c-10», «35202».
  IF cardinality(found) < many AND length(wanted) >= 3 THEN
    look := NULL;
    FOR part IN SELECT word FROM unnest(string_to_array(CASE WHEN is_number THEN digits ELSE wanted END, ' ')) word
                 WHERE word <> '' LIMIT 6 LOOP
      look := CASE WHEN look IS NULL THEN subscribers_lexeme(here, 'w' || left(part, 60), true)
                   ELSE look && subscribers_lexeme(here, 'w' || left(part, 60), true) END;
    END LOOP;
    SELECT array_agg(t.subscriber_id) INTO more FROM (
      SELECT e.subscriber_id FROM subscribers_search e JOIN subscribers_subscriber s
          ON s.tenant_id = here AND s.id = e.subscriber_id
       WHERE e.tokens @@ look AND NOT e.subscriber_id = ANY(found)
         AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
         AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
         AND (collector IS NULL OR s.collector_id = collector)
       LIMIT many - cardinality(found)) t;
    IF more IS NOT NULL THEN
      RETURN QUERY SELECT unnest(more), 4;
    END IF;
  END IF;
END $$;
ALTER FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) OWNER TO fl_control;
REVOKE ALL ON FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) TO fl_app;
""".replace("TENANT_HERE", TENANT_IN_SCOPE)


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
        migrations.RunSQL(SEARCH, migrations.RunSQL.noop),
    ]
