-- Operators of text search are not leakproof, so below a row-level policy their index would never be used. This
-- function reads past the policy and therefore names the tenant in scope itself, in every statement and every token (and
-- by the token alone in the index, so that no other path to the tenant's rows looks cheaper to the planner).
-- A plan is made at each call, for the very words: whoever sees every subscriber is then not joined to them at all.
CREATE OR REPLACE FUNCTION subscribers_lexeme(tenant bigint, token text, is_prefix boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('''' || replace(replace(tenant || ':' || token, '\', '\\'), '''', '''''') || '''' ||
          CASE WHEN is_prefix THEN ':*' ELSE '' END)::tsquery
$$;

CREATE OR REPLACE FUNCTION subscriber_search(query text, max integer DEFAULT 20, branches bigint[] DEFAULT NULL,
                                  areas bigint[] DEFAULT NULL, resellers text[] DEFAULT NULL,
                                  collector bigint DEFAULT NULL)
RETURNS TABLE (id bigint, rank integer) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  here constant bigint := nullif(current_setting('app.tenant_id', true), '')::bigint;
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
  everyone constant boolean := branches IS NULL AND areas IS NULL AND resellers IS NULL AND collector IS NULL;
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
      SELECT e.subscriber_id FROM subscribers_search e
       WHERE e.tokens @@ look AND (everyone OR EXISTS (
               SELECT FROM subscribers_subscriber s WHERE s.tenant_id = here AND s.id = e.subscriber_id
                  AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
                  AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
                  AND (collector IS NULL OR s.collector_id = collector)))
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
      SELECT e.subscriber_id FROM subscribers_search e
       WHERE e.tokens @@ look AND NOT e.subscriber_id = ANY(found) AND (everyone OR EXISTS (
               SELECT FROM subscribers_subscriber s WHERE s.tenant_id = here AND s.id = e.subscriber_id
                  AND (branches IS NULL OR s.branch_id = ANY(branches)) AND (areas IS NULL OR s.area_id = ANY(areas))
                  AND (resellers IS NULL OR s.reseller_name = ANY(resellers))
                  AND (collector IS NULL OR s.collector_id = collector)))
       LIMIT many - cardinality(found)) t;
    IF more IS NOT NULL THEN
      RETURN QUERY SELECT unnest(more), 4;
    END IF;
  END IF;
END $$;
ALTER FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) OWNER TO fl_control;
REVOKE ALL ON FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscriber_search(text, integer, bigint[], bigint[], text[], bigint) TO fl_app;
