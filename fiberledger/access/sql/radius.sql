-- What FreeRADIUS may ask: five functions, executed by fl_radius, which has no other right in the database.
-- They run as fl_control (past row-level security), so each takes the tenant from the NAS and from nothing else.
-- Every argument is text as FreeRADIUS expands it; a missing attribute is the empty string.

-- Undo FreeRADIUS' =XX escaping of characters outside its safe_characters.
CREATE OR REPLACE FUNCTION radius_plain(t text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF strpos(t, '=') = 0 THEN RETURN t; END IF;
  RETURN convert_from((
    SELECT string_agg(CASE WHEN m[1] IS NOT NULL THEN decode(m[1], 'hex') ELSE convert_to(m[2], 'UTF8') END, ''::bytea ORDER BY o)
    FROM regexp_matches(t, '=([0-9A-Fa-f]{2})|([^=]+|=)', 'g') WITH ORDINALITY x(m, o)), 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN RETURN t;
END $$;

-- One spelling for a device: AA:BB:CC:DD:EE:FF. Text that is no MAC address stays what it is.
CREATE OR REPLACE FUNCTION radius_mac(t text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE x text := upper(translate(t, ':-.', ''));
BEGIN
  IF length(x) <> 12 OR x !~ '^[0-9A-F]{12}$' THEN RETURN left(t, 64); END IF;
  RETURN substr(x,1,2)||':'||substr(x,3,2)||':'||substr(x,5,2)||':'||substr(x,7,2)||':'||substr(x,9,2)||':'||substr(x,11,2);
END $$;

-- Whose login this is: the name in small letters, without a realm that the tenant strips; a device's name as we spell it, if
-- there is such a device. A realm never says whose customer it is.
CREATE OR REPLACE FUNCTION radius_who(p_tenant bigint, p_realms text[], p_name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE who text := lower(left(radius_plain(p_name), 128)); cut int; device text;
BEGIN
  IF p_realms IS NOT NULL THEN
    cut := strpos(reverse(who), '@');
    IF cut > 0 AND right(who, cut - 1) = ANY (p_realms) THEN RETURN left(who, -cut); END IF;
  END IF;
  IF length(who) IN (12, 13, 14, 17) AND who ~ '^[0-9a-f]{2}([-:.]?[0-9a-f]{2}){5}$' THEN
    device := lower(radius_mac(who));
    IF EXISTS (SELECT FROM radius_line l WHERE l.tenant_id = p_tenant AND l.username = device AND l.by_mac) THEN RETURN device; END IF;
  END IF;
  RETURN who;
END $$;

-- Open a box made by access.secrets.box(): a nonce of 16 bytes, then blocks of 32 bytes, each XOR
-- SHA-256(key, nonce, number of the block). The key is a setting of the connection; it is in no table.
-- Inside: the byte F1, the length of the text, the text, zeros.
CREATE OR REPLACE FUNCTION radius_open(box bytea) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  seed bytea := convert_to(current_setting('app.radius_key'), 'UTF8') || substring(box, 1, 16);
  k bytea; plain bytea := ''; at int := 17; block int := 0; size int;
BEGIN
  LOOP
    k := sha256(seed || int2send(block::int2));
    plain := plain
      || ((substring(box, at, 8)::bigint # substring(k, 1, 8)::bigint)::bytea)
      || ((substring(box, at + 8, 8)::bigint # substring(k, 9, 8)::bigint)::bytea)
      || ((substring(box, at + 16, 8)::bigint # substring(k, 17, 8)::bigint)::bytea)
      || ((substring(box, at + 24, 8)::bigint # substring(k, 25, 8)::bigint)::bytea);
    at := at + 32; block := block + 1;
    EXIT WHEN at > length(box);
  END LOOP;
  size := get_byte(plain, 1);
  IF get_byte(plain, 0) <> 241 OR size + 2 > length(plain) THEN
    RAISE EXCEPTION 'this connection has another radius key than the secret was stored with';
  END IF;
  RETURN convert_from(substring(plain, 3, size), 'UTF8');
END $$;

-- Who sends from this address: "tenant nas signed secret" (signed: yes when requests without Message-Authenticator are dropped:
-- always, or from the time on that the router signs all of them). No row for an address that is unknown or switched off.
-- FreeRADIUS asks again every few minutes for each device that talks, so this is also the device's heartbeat.
CREATE OR REPLACE FUNCTION radius_client(src text) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n record;
BEGIN
  UPDATE access_nas SET last_seen_at = now() WHERE src_ip = src::inet AND active
    RETURNING tenant_id, id, radius_secret, signing = 'required' OR signing = 'auto' AND signed_at > coalesce(unsigned_at, '-infinity') + interval '1 day' AS signed
    INTO n;
  IF FOUND THEN
    RETURN NEXT n.tenant_id || ' ' || n.id || CASE WHEN n.signed THEN ' yes ' ELSE ' no ' END || radius_open(n.radius_secret);
  END IF;
END $$;

-- Check and reply items of one login; the column order is FreeRADIUS'. No row: nobody of that name.
CREATE OR REPLACE FUNCTION radius_login(p_nas text, p_name text, p_mac text, p_port_type text, p_called text, p_port text,
  p_protocol text, p_signed text)
RETURNS TABLE (id int, username text, attribute text, value text, op text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  r record; refusal text; walled boolean := false; moved boolean := false; i int; others int;
BEGIN
  SELECT n.tenant_id, n.id AS nas_id, n.for_suspended, n.for_unknown, n.walled_pool, n.walled_attributes, n.walled_values, n.kind,
         n.interim_seconds, CASE p_signed WHEN '' THEN n.unsigned_at ELSE n.signed_at END AS noted_at, l.account_id, l.username AS found, l.verdict, l.message, l.ends_at, l.cut_at, l.secret, l.only_mac,
         l.only_port, n.rebind_days, n.blocks_until, l.only_nas_id, l.devices, l.by_mac, l.attributes, l.values_, l.kinds,
         CASE WHEN n.by_kind THEN l.kind END AS only_for
    INTO r
    FROM access_nas n LEFT JOIN radius_line l ON l.tenant_id = n.tenant_id
     AND l.username = CASE WHEN n.realms IS NULL AND strpos(p_name, '=') = 0 AND length(p_name) NOT IN (12, 13, 14, 17) THEN lower(p_name)
           ELSE radius_who(n.tenant_id, n.realms, p_name) END
   WHERE n.id = p_nas::bigint AND n.active;
  IF NOT FOUND THEN RETURN; END IF;
  id := 1; op := ':='; username := p_name;

  IF r.found IS NULL THEN
    IF r.for_unknown <> 'walled' THEN RETURN; END IF;
    attribute := 'Auth-Type'; value := 'Accept'; RETURN NEXT;
    walled := true;
  ELSE
    -- This function writes nothing, which makes it faster: once an hour FreeRADIUS is told to have it written down.
    IF r.noted_at > now() - interval '1 hour' THEN NULL;
    ELSE attribute := 'Isp-Note-Signing'; value := 'yes'; RETURN NEXT;
    END IF;
    IF r.verdict = 'refuse' THEN refusal := r.message;
    -- Only while somebody is shut out is it asked who.
    ELSIF r.blocks_until > now() AND radius_shut_out(r.tenant_id, r.found, radius_mac(p_mac), r.only_mac) THEN
      refusal := 'Too many wrong passwords: try again later.';
    ELSIF r.only_for IS NOT NULL AND NOT radius_serves(r.only_for, r.kind, p_protocol, p_port_type) THEN
      refusal := 'This account is for another kind of connection.';
    ELSIF r.only_nas_id IS NOT NULL AND r.only_nas_id <> r.nas_id THEN refusal := 'This account belongs to another router.';
    ELSIF r.only_mac IS NOT NULL AND r.only_mac <> radius_mac(p_mac) AND NOT
        (r.rebind_days IS NOT NULL AND radius_moved(r.account_id, r.nas_id, r.only_mac, p_port, r.rebind_days)) THEN
      refusal := 'This account is bound to another device.';
    ELSIF r.only_port IS NOT NULL AND r.only_port <> left(radius_plain(p_port), 128) THEN
      refusal := 'This account is bound to another port.';
    ELSIF r.by_mac AND r.found <> lower(radius_mac(p_mac)) THEN refusal := 'The device does not have the address of this account.';
    ELSIF r.verdict = 'walled' OR r.ends_at <= now() OR r.cut_at <= now() THEN
      walled := true;
      IF r.for_suspended <> 'walled' THEN
        refusal := coalesce(nullif(r.message, ''),
          CASE WHEN r.ends_at <= now() THEN 'This account has ended.' ELSE 'This account is suspended.' END);
      END IF;
    ELSIF r.devices IS NOT NULL THEN
      SELECT count(*) INTO others FROM access_livesession s
       WHERE s.tenant_id = r.tenant_id AND s.username = r.found AND s.mac <> radius_mac(p_mac)
         AND s.updated_at > now() - make_interval(secs => r.interim_seconds + 90);
      IF others >= r.devices THEN refusal := 'Another device is online with this account.'; END IF;
    END IF;
    IF refusal IS NOT NULL THEN
      attribute := 'Auth-Type'; value := 'Reject'; RETURN NEXT;
      attribute := 'Reply-Message'; value := refusal; RETURN NEXT;
      RETURN;
    END IF;
    IF r.by_mac THEN attribute := 'Auth-Type'; value := 'Accept';
    ELSE attribute := 'Cleartext-Password'; value := radius_open(r.secret);
    END IF;
    RETURN NEXT;
  END IF;

  attribute := 'Acct-Interim-Interval'; value := r.interim_seconds; RETURN NEXT;
  IF NOT walled THEN
    op := '+=';  -- a router may be told several of one name
    FOR i IN 1 .. cardinality(r.attributes) LOOP
      -- For this kind of router; a line written before kinds were has none.
      CONTINUE WHEN r.kinds[i] <> '' AND strpos(r.kinds[i], r.kind) = 0;
      attribute := r.attributes[i]; value := r.values_[i];
      -- Accounting's Start brings the Class back: only there is it known that the password was right.
      IF i = 1 AND r.only_mac IS NOT NULL AND r.only_mac <> radius_mac(p_mac) THEN value := value || '.h'; END IF;
      RETURN NEXT;
    END LOOP;
    -- A cut for debt ends only sessions that begin in the day before it: earlier, most who owe still pay, and those who
    -- have paid would all be dropped in one second.
    IF r.cut_at > now() + interval '1 day' THEN r.cut_at := NULL; END IF;
    IF r.ends_at IS NOT NULL OR r.cut_at IS NOT NULL THEN
      op := ':='; attribute := 'Session-Timeout';
      value := least(greatest(extract(epoch FROM least(r.ends_at, r.cut_at) - now())::bigint, 60), 2592000); RETURN NEXT;
    END IF;
    RETURN;
  END IF;
  -- Behind the wall: the line keeps its name (Class), but neither its speed nor its address.
  attribute := 'Class'; value := 'a' || coalesce(r.account_id, 0) || '.walled'; RETURN NEXT;
  IF r.walled_pool <> '' THEN attribute := 'Framed-Pool'; value := r.walled_pool; RETURN NEXT; END IF;
  attribute := 'Session-Timeout'; value := 3600; RETURN NEXT;
  op := '+=';
  FOR i IN 1 .. coalesce(cardinality(r.walled_attributes), 0) LOOP
    attribute := r.walled_attributes[i]; value := r.walled_values[i]; RETURN NEXT;
  END LOOP;
END $$;

-- Does this request ask for the kind of connection that the account is for? RouterOS calls tunnels Virtual; others name so what
-- comes in by PPPoE as well, and there the two are one.
CREATE OR REPLACE FUNCTION radius_serves(p_kind text, p_nas_kind text, p_protocol text, p_port_type text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN CASE p_kind
    WHEN 'pppoe' THEN p_protocol = 'PPP' AND NOT (p_nas_kind = 'mikrotik' AND p_port_type = 'Virtual')
    WHEN 'vpn' THEN p_protocol = 'PPP' AND NOT (p_nas_kind = 'mikrotik' AND p_port_type <> 'Virtual')
    ELSE p_protocol <> 'PPP' END;
END $$;

-- Is this username shut out for a while, or this device? A username's own device, where it is bound to one, never is.
CREATE OR REPLACE FUNCTION radius_shut_out(p_tenant bigint, p_who text, p_mac text, p_only_mac text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM access_loginguess g WHERE g.tenant_id = p_tenant AND g.blocked_until > now()
    AND (g.kind = 'device' AND g.subject = p_mac OR g.kind = 'user' AND g.subject = p_who AND p_mac IS DISTINCT FROM p_only_mac));
END $$;

-- A wrong password, or an unknown username: counted for the username (if there is one), for the device, or for the router where
-- it names none. Beyond the tenant's limit within its minutes somebody guesses; if it says so they are shut out for a while.
CREATE OR REPLACE FUNCTION radius_count_guess(p_tenant bigint, p_nas bigint, p_user text, p_mac text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE most int := 20; span interval := '10 minutes'; shut interval; until timestamptz;
BEGIN
  SELECT x.guess_limit, make_interval(mins => x.guess_minutes), make_interval(mins => x.block_minutes) INTO most, span, shut
    FROM access_accesspolicy x WHERE x.tenant_id = p_tenant;
  IF NOT FOUND THEN most := 20; span := '10 minutes'; END IF;
  IF most IS NULL THEN RETURN; END IF;
  WITH counted AS (
    INSERT INTO access_loginguess AS g (tenant_id, kind, subject, nas_id, tries, began_at, last_at)
      SELECT p_tenant, x.kind, x.subject, p_nas, 1, now(), now()
        FROM (VALUES ('user', p_user), ('device', p_mac), ('router', CASE p_mac WHEN '' THEN p_nas::text ELSE '' END)) x (kind, subject)
       WHERE x.subject <> ''
      ON CONFLICT (tenant_id, kind, subject) DO UPDATE SET last_at = now(), nas_id = excluded.nas_id,
        tries = CASE WHEN g.began_at < now() - span THEN 1 ELSE g.tries + 1 END,
        began_at = CASE WHEN g.began_at < now() - span THEN now() ELSE g.began_at END,
        alerted_at = CASE WHEN g.began_at >= now() - span AND g.tries + 1 >= most * CASE g.kind WHEN 'router' THEN 5 ELSE 1 END
          THEN now() ELSE g.alerted_at END,
        blocked_until = CASE WHEN g.began_at >= now() - span AND g.tries + 1 >= most AND g.kind <> 'router' THEN now() + shut
          ELSE g.blocked_until END
      RETURNING g.blocked_until)
  SELECT max(c.blocked_until) INTO until FROM counted c;
  IF until > now() THEN
    UPDATE access_nas n SET blocks_until = until WHERE n.tenant_id = p_tenant AND (n.blocks_until IS NULL OR n.blocks_until < until);
  END IF;
END $$;

-- May this line move to another device by itself? When it learns its device, the new one asks from the port at which the old
-- one was learned, and the old one was not online for so many days.
CREATE OR REPLACE FUNCTION radius_moved(p_account bigint, p_nas bigint, p_old_mac text, p_port text, p_days int) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE a record;
BEGIN
  SELECT x.tenant_id, lower(x.username) AS who INTO a FROM access_accessaccount x
   WHERE x.id = p_account AND x.learn_mac AND x.known_nas_id = p_nas AND x.known_port <> ''
     AND x.known_port = left(radius_plain(p_port), 128);
  RETURN FOUND
    AND NOT EXISTS (SELECT FROM access_livesession s WHERE s.tenant_id = a.tenant_id AND s.username = a.who AND s.mac = p_old_mac)
    AND NOT EXISTS (SELECT FROM access_sessionfresh s WHERE s.tenant_id = a.tenant_id AND s.username = a.who AND s.mac = p_old_mac)
    AND NOT EXISTS (SELECT FROM access_sessionhistory s WHERE s.tenant_id = a.tenant_id AND s.username = a.who
                       AND s.mac = p_old_mac AND s.ended_at > now() - make_interval(days => p_days));
END $$;

-- A session began whose line is to be bound to its device or port, or has moved to another device. Nobody waits for it.
CREATE OR REPLACE FUNCTION radius_learn(p_nas text, p_name text, p_mac text, p_port text, p_moved boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE a record; device text := radius_mac(radius_plain(p_mac)); port text := left(radius_plain(p_port), 128);
BEGIN
  SELECT x.id, x.tenant_id, x.only_mac, x.only_port, n.id AS nas_id,
         CASE WHEN x.learn_mac AND length(device) = 17 AND (p_moved OR x.only_mac = '') THEN device ELSE x.only_mac END AS new_mac,
         CASE WHEN x.learn_port AND x.only_port = '' THEN port ELSE x.only_port END AS new_port
    INTO a FROM access_nas n
    JOIN radius_line l ON l.tenant_id = n.tenant_id AND l.username = radius_who(n.tenant_id, n.realms, p_name)
    JOIN access_accessaccount x ON x.id = l.account_id
   WHERE n.id = p_nas::bigint FOR UPDATE OF x;
  IF NOT FOUND OR (a.new_mac = a.only_mac AND a.new_port = a.only_port) THEN RETURN; END IF;
  UPDATE access_accessaccount SET only_mac = a.new_mac, only_port = a.new_port, known_port = port, known_nas_id = a.nas_id
   WHERE id = a.id;
  UPDATE radius_line SET only_mac = nullif(a.new_mac, ''), only_port = nullif(a.new_port, '') WHERE account_id = a.id;
  INSERT INTO access_bindingchange (tenant_id, account_id, nas_id, how, old_mac, new_mac, old_port, new_port, at, actor_name, noted)
    VALUES (a.tenant_id, a.id, a.nas_id, CASE WHEN p_moved THEN 'moved' ELSE 'learned' END, a.only_mac, a.new_mac,
            a.only_port, a.new_port, now(), 'RADIUS', false);
END $$;

-- Whether this router signs its requests, once an hour.
CREATE OR REPLACE FUNCTION radius_note_signing(p_nas text, p_signed text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF p_signed = '' THEN
    UPDATE access_nas SET unsigned_at = now() WHERE id = p_nas::bigint AND (unsigned_at IS NULL OR unsigned_at < now() - interval '1 hour');
  ELSE
    UPDATE access_nas SET signed_at = now() WHERE id = p_nas::bigint AND (signed_at IS NULL OR signed_at < now() - interval '1 hour');
  END IF;
  RETURN '';
END $$;

-- One accounting packet. Packets repeat, are lost and come out of order; whatever the order, the result is the same.
-- Always exactly one row, or an error: FreeRADIUS acknowledges a row and keeps the packet for later after an error.
-- Every statement and expression here is paid for by every packet: the usual packet takes one or two statements.
CREATE OR REPLACE FUNCTION radius_acct(
  p_nas text, p_status text, p_session text, p_name text, p_mac text, p_ip text, p_epoch text, p_secs text,
  p_in_lo text, p_in_hi text, p_out_lo text, p_out_hi text, p_cause text, p_prefix6 text, p_called text, p_class text,
  p_delegated6 text, p_port text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  k uuid := md5(p_nas || '|' || p_session || '|' || p_name || '|' || p_mac)::uuid;
  at timestamptz := to_timestamp(nullif(p_epoch, '')::bigint);
  len bigint := coalesce(nullif(p_secs, '')::bigint, 0);
  up bigint := coalesce(nullif(p_in_lo, '')::bigint, 0) + (coalesce(nullif(p_in_hi, '')::bigint, 0) << 32);
  down bigint := coalesce(nullif(p_out_lo, '')::bigint, 0) + (coalesce(nullif(p_out_hi, '')::bigint, 0) << 32);
  addr inet := nullif(p_ip, '')::inet;
  h access_sessionhistory; ghosts uuid[];
BEGIN
  -- A router without a clock says 1970: then the time is when the packet came.
  IF at IS NULL OR at < now() - interval '7 days' OR at > now() + interval '5 minutes' THEN at := now(); END IF;

  -- FreeRADIUS' role does not wait for the disk: the next Interim says again all that a Start or an Interim says (counters
  -- are running totals, and a session that we do not know begins with it), and the Stop the whole. A Stop comes once, and waits.
  IF p_status IN ('Start', 'Interim-Update') THEN
    IF p_status = 'Interim-Update' THEN
      UPDATE access_livesession l SET updated_at = greatest(l.updated_at, at), seconds = greatest(l.seconds, len),
          in_octets = greatest(l.in_octets, up), out_octets = greatest(l.out_octets, down),
          started_at = least(l.started_at, at - make_interval(secs => len)),
          ip = CASE WHEN at >= l.updated_at THEN coalesce(addr, l.ip) ELSE l.ip END,
          prefix6 = coalesce(nullif(left(p_prefix6, 64), ''), l.prefix6),
          delegated6 = coalesce(nullif(left(p_delegated6, 64), ''), l.delegated6)
        WHERE l.key = k;
      IF FOUND THEN RETURN 'updated'; END IF;
    END IF;
    -- A Start and a Stop that arrive in the same instant take turns: neither would see what the other writes.
    PERFORM pg_advisory_xact_lock(uuid_hash_extended(k, 0));
    LOOP
      INSERT INTO access_livesession AS l (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
          called, started_at, updated_at, seconds, in_octets, out_octets, terms, delegated6, sent_name)
        SELECT k, n.tenant_id, n.id, line.account_id, w.who, left(radius_plain(p_session), 128), w.device, addr,
               left(p_prefix6, 64), left(radius_plain(p_called), 64), coalesce(h.started_at, at - make_interval(secs => len)),
               at, greatest(len, h.seconds), greatest(up, h.in_octets), greatest(down, h.out_octets),
               coalesce(nullif(left(split_part(p_class, '.', 2), 16), ''), line.terms, ''), left(p_delegated6, 64),
               CASE WHEN w.who = p_name THEN '' ELSE left(radius_plain(p_name), 128) END
          FROM access_nas n
          CROSS JOIN LATERAL (SELECT radius_who(n.tenant_id, n.realms, p_name) AS who, radius_mac(radius_plain(p_mac)) AS device OFFSET 0) w
          LEFT JOIN radius_line line ON line.tenant_id = n.tenant_id AND line.username = w.who
         -- A Start that repeats itself does so within minutes: its Stop is not filed yet.
         WHERE n.id = p_nas::bigint AND NOT EXISTS (SELECT FROM access_sessionfresh x WHERE x.key = k)
           AND (p_status = 'Start' AND at > now() - interval '8 minutes' OR NOT EXISTS (
             SELECT FROM access_sessionhistory x WHERE x.tenant_id = n.tenant_id AND x.username = w.who AND x.key = k
                AND x.ended_at > now() - interval '40 days' AND x.ended_at < now() + interval '1 day'))
        ON CONFLICT (key) DO UPDATE SET updated_at = greatest(l.updated_at, excluded.updated_at),
          seconds = greatest(l.seconds, excluded.seconds), in_octets = greatest(l.in_octets, excluded.in_octets),
          out_octets = greatest(l.out_octets, excluded.out_octets), started_at = least(l.started_at, excluded.started_at),
          ip = CASE WHEN excluded.updated_at >= l.updated_at THEN coalesce(excluded.ip, l.ip) ELSE l.ip END,
          prefix6 = coalesce(nullif(excluded.prefix6, ''), l.prefix6), delegated6 = coalesce(nullif(excluded.delegated6, ''), l.delegated6)
        -- Ghosts of the same device: same router, and the same address or long silent. They cannot be alive beside us.
        RETURNING CASE WHEN p_status = 'Start' THEN (SELECT array_agg(g.key) FROM access_livesession g
          WHERE g.tenant_id = l.tenant_id AND g.username = l.username AND g.nas_id = l.nas_id AND g.key <> k AND g.mac = l.mac
            AND g.started_at < at AND (g.ip = addr OR g.updated_at < at - make_interval(
                  secs => 90 + (SELECT a.interim_seconds FROM access_nas a WHERE a.id = g.nas_id)))) END
        INTO ghosts;
      IF FOUND THEN
        IF ghosts IS NOT NULL THEN PERFORM radius_close(ghosts, 'Lost-Carrier', true); END IF;
        IF right(p_class, 2) IN ('.l', '.h') THEN
          PERFORM radius_learn(p_nas, p_name, p_mac, p_port, right(p_class, 2) = '.h');
        END IF;
        RETURN 'started';
      END IF;
      -- It is over, we thought. If we had given it up for silence, we were wrong: take back what we wrote.
      DELETE FROM access_sessionfresh x WHERE x.key = k AND x.swept
        RETURNING x.started_at, x.seconds, x.in_octets, x.out_octets INTO h.started_at, h.seconds, h.in_octets, h.out_octets;
      CONTINUE WHEN FOUND;
      DELETE FROM access_sessionhistory x USING access_nas n WHERE n.id = p_nas::bigint AND x.tenant_id = n.tenant_id
         AND x.username = radius_who(n.tenant_id, n.realms, p_name) AND x.key = k AND x.swept
         AND x.ended_at > now() - interval '40 days' RETURNING x.* INTO h;
      IF NOT FOUND THEN RETURN 'over'; END IF;  -- or the device was removed while packets waited in the spool
    END LOOP;
  END IF;

  PERFORM set_config('synchronous_commit', 'on', true);
  IF p_status = 'Stop' THEN
    PERFORM pg_advisory_xact_lock(uuid_hash_extended(k, 0));
    WITH s AS (DELETE FROM access_livesession l WHERE l.key = k RETURNING l.*)
    INSERT INTO access_sessionfresh (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6)
      SELECT k, s.tenant_id, s.nas_id, s.account_id, s.username, s.session_id, s.mac, coalesce(addr, s.ip),
        coalesce(nullif(left(p_prefix6, 64), ''), s.prefix6), least(s.started_at, at - make_interval(secs => len)),
        greatest(at, s.started_at), greatest(s.seconds, len), greatest(s.in_octets, up), greatest(s.out_octets, down),
        left(p_cause, 40), false, coalesce(nullif(left(p_delegated6, 64), ''), s.delegated6) FROM s
      ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN 'stopped'; END IF;
    UPDATE access_sessionfresh x SET ended_at = greatest(at, x.ended_at), seconds = greatest(x.seconds, len),
        in_octets = greatest(x.in_octets, up), out_octets = greatest(x.out_octets, down), ip = coalesce(addr, x.ip),
        cause = left(p_cause, 40), swept = false WHERE x.key = k AND x.swept;
    IF FOUND THEN RETURN 'stopped'; END IF;
    IF EXISTS (SELECT FROM access_sessionfresh x WHERE x.key = k) THEN RETURN 'over'; END IF;
    SELECT x.* INTO h FROM access_sessionhistory x JOIN access_nas n ON n.id = p_nas::bigint AND n.tenant_id = x.tenant_id
     WHERE x.username = radius_who(n.tenant_id, n.realms, p_name) AND x.key = k AND x.ended_at > now() - interval '40 days';
    IF FOUND THEN
      IF NOT h.swept THEN RETURN 'over'; END IF;
      DELETE FROM access_sessionhistory x WHERE x.tenant_id = h.tenant_id AND x.username = h.username AND x.key = k
         AND x.ended_at = h.ended_at;
      INSERT INTO access_sessionhistory (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
          started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6)
        VALUES (k, h.tenant_id, h.nas_id, h.account_id, h.username, h.session_id, h.mac, coalesce(addr, h.ip), h.prefix6,
          h.started_at, greatest(at, h.ended_at), greatest(h.seconds, len), greatest(h.in_octets, up),
          greatest(h.out_octets, down), left(p_cause, 40), false, h.delegated6)
        ON CONFLICT DO NOTHING;
      RETURN 'stopped';
    END IF;
    INSERT INTO access_sessionfresh (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6)  -- the Start was lost
      SELECT k, n.tenant_id, n.id, line.account_id, n.who, left(radius_plain(p_session), 128),
             radius_mac(radius_plain(p_mac)), addr, left(p_prefix6, 64), at - make_interval(secs => len), at, len, up, down,
             left(p_cause, 40), false, left(p_delegated6, 64)
        FROM (SELECT radius_who(x.tenant_id, x.realms, p_name) AS who, x.* FROM access_nas x WHERE x.id = p_nas::bigint OFFSET 0) n
        LEFT JOIN radius_line line ON line.tenant_id = n.tenant_id AND line.username = n.who
      ON CONFLICT DO NOTHING;
    RETURN 'stopped';
  END IF;

  IF p_status IN ('Accounting-On', 'Accounting-Off') THEN
    PERFORM radius_close(array_agg(l.key), 'NAS-Reboot', false)
       FROM access_livesession l WHERE l.nas_id = p_nas::bigint AND l.started_at <= at HAVING count(*) > 0;
    RETURN 'restarted';
  END IF;
  RETURN 'ignored';
END $$;

-- Move live sessions to those that are over, at their last update. Not for FreeRADIUS: called by the functions here.
CREATE OR REPLACE FUNCTION radius_close(keys uuid[], why text, by_sweep boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n bigint;
BEGIN
  WITH gone AS (DELETE FROM access_livesession WHERE key = ANY (keys) RETURNING *),
  kept AS (
    INSERT INTO access_sessionfresh (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6)
      SELECT key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, updated_at, seconds, in_octets, out_octets, why, by_sweep, delegated6 FROM gone
      ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*) INTO n FROM kept;
  RETURN n;
END $$;

-- File what ended ten minutes ago and more into the history, so many at once; returns how many were.
CREATE OR REPLACE FUNCTION radius_file(p_now timestamptz, p_most int) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE n bigint;
BEGIN
  WITH gone AS (
    DELETE FROM access_sessionfresh WHERE key IN (
      SELECT key FROM access_sessionfresh WHERE kept_at < p_now - interval '10 minutes' LIMIT p_most FOR UPDATE SKIP LOCKED)
    RETURNING *),
  filed AS (
    INSERT INTO access_sessionhistory (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6)
      SELECT key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6,
        started_at, ended_at, seconds, in_octets, out_octets, cause, swept, delegated6 FROM gone ORDER BY tenant_id, username
      ON CONFLICT DO NOTHING)
  SELECT count(*) INTO n FROM gone;
  RETURN n;
END $$;

-- Why a login was refused, for the person who asks "why can't I connect?": the last time, one row a username, and a log with
-- one row a minute at the most, so that a router that tries all night fills little. Losing the last one in a crash is harmless.
CREATE OR REPLACE FUNCTION radius_refused(p_nas text, p_name text, p_mac text, p_reason text, p_port text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  t bigint; account bigint; who text; why text := left(radius_plain(p_reason), 200);
  device text := radius_mac(radius_plain(p_mac)); port text := left(radius_plain(p_port), 128);
BEGIN
  SELECT n.tenant_id, n.who, l.account_id INTO t, who, account
    FROM (SELECT x.tenant_id, radius_who(x.tenant_id, x.realms, p_name) AS who FROM access_nas x WHERE x.id = nullif(p_nas, '')::bigint) n
    LEFT JOIN radius_line l ON l.tenant_id = n.tenant_id AND l.username = n.who;
  IF t IS NULL OR who = '' THEN RETURN ''; END IF;
  IF why = '' THEN
    why := CASE WHEN account IS NULL THEN 'Nobody has this username.' ELSE 'Wrong password.' END;
    PERFORM radius_count_guess(t, p_nas::bigint, CASE WHEN account IS NULL THEN '' ELSE who END, device);
  END IF;
  INSERT INTO access_loginentry AS e (tenant_id, at, username, nas_id, account_id, mac, port, reason, last_at)
    VALUES (t, date_trunc('minute', now()), who, p_nas::bigint, account, device, port, why, now())
    ON CONFLICT (tenant_id, username, at, nas_id, mac, reason) DO UPDATE SET times = e.times + 1, last_at = excluded.last_at;
  INSERT INTO access_refusedlogin AS f (tenant_id, username, nas_id, mac, port, reason, first_at, last_at, times)
    VALUES (t, who, p_nas::bigint, device, port, why, now(), now(), 1)
    ON CONFLICT (tenant_id, username) DO UPDATE SET nas_id = excluded.nas_id, mac = excluded.mac, port = excluded.port, reason = excluded.reason,
      first_at = CASE WHEN f.reason = excluded.reason THEN f.first_at ELSE excluded.first_at END,
      times = CASE WHEN f.reason = excluded.reason THEN f.times + 1 ELSE 1 END, last_at = excluded.last_at;
  RETURN why;
END $$;

-- Close sessions that have said nothing for two and a half reporting intervals, of all tenants.
CREATE OR REPLACE FUNCTION radius_sweep(p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE silent uuid[];
BEGIN
  SELECT array_agg(s.key) INTO silent
    FROM access_livesession s LEFT JOIN access_nas n ON n.id = s.nas_id
   WHERE s.updated_at < p_now - make_interval(secs => 2.5 * coalesce(n.interim_seconds, 300));
  RETURN CASE WHEN silent IS NULL THEN 0 ELSE radius_close(silent, 'Lost-Carrier', true) END;
END $$;

-- The router says it does not know this session: then it is over. Within the tenant in scope only.
CREATE OR REPLACE FUNCTION radius_forget(p_key uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN radius_close(array_agg(s.key), 'Lost-Carrier', true) FROM access_livesession s
   WHERE s.key = p_key AND s.tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint HAVING count(*) > 0;
END $$;

-- Does anybody, of any tenant, use this address? Says yes or no and never whose it is.
CREATE OR REPLACE FUNCTION radius_address_taken(p_ip inet, p_but bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM access_nas WHERE src_ip = p_ip AND id IS DISTINCT FROM p_but)
$$;

-- A plan's network terms were edited, by whatever hand: its lines are to be written anew.
CREATE OR REPLACE FUNCTION access_note_edited_plan() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO access_editedplan (tenant_id, plan_id) VALUES (NEW.tenant_id, NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER access_edited_plan AFTER UPDATE OF download_kbps, upload_kbps, burst_download_kbps, burst_upload_kbps,
    burst_threshold_download_kbps, burst_threshold_upload_kbps, burst_seconds, address_pool, radius_profile, router_profile
  ON catalog_plan FOR EACH ROW
  WHEN ((OLD.download_kbps, OLD.upload_kbps, OLD.burst_download_kbps, OLD.burst_upload_kbps,
         OLD.burst_threshold_download_kbps, OLD.burst_threshold_upload_kbps, OLD.burst_seconds, OLD.address_pool,
         OLD.radius_profile, OLD.router_profile)
    IS DISTINCT FROM
        (NEW.download_kbps, NEW.upload_kbps, NEW.burst_download_kbps, NEW.burst_upload_kbps,
         NEW.burst_threshold_download_kbps, NEW.burst_threshold_upload_kbps, NEW.burst_seconds, NEW.address_pool,
         NEW.radius_profile, NEW.router_profile))
  EXECUTE FUNCTION access_note_edited_plan();

-- The edited plans of all tenants, each given out once.
CREATE OR REPLACE FUNCTION access_take_edited_plans() RETURNS TABLE (tenant_id bigint, plan_id bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM access_editedplan e RETURNING e.tenant_id, e.plan_id
$$;
