-- Networks are found by what a b-tree can answer under row-level security: equality and order. The operators of
-- containment (<<, >>=, &&) are not leakproof, so no index would serve them to fl_app. All that lies inside a network stands,
-- in PostgreSQL's order, between the network itself and its last address.

CREATE OR REPLACE FUNCTION ipam_last(p_net inet) RETURNS cidr
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT set_masklen(broadcast(p_net), CASE family(p_net) WHEN 4 THEN 32 ELSE 128 END)::cidr
$$;

-- Every network that this one lies in, without itself.
CREATE OR REPLACE FUNCTION ipam_supernets(p_net cidr) RETURNS cidr[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_agg(set_masklen(p_net, n)) FROM generate_series(0, masklen(p_net) - 1) n
$$;

-- How many prefixes this one lies in.
CREATE OR REPLACE FUNCTION ipam_depth(p_vrf bigint, p_net cidr) RETURNS int
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT count(*) FROM ipam_prefix
           WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint
             AND vrf_id = p_vrf AND network = ANY (ipam_supernets(p_net)));
END $$;

-- How many addresses a network has: exact up to 2^53, which no count of anything comes near.
CREATE OR REPLACE FUNCTION ipam_size(p_net inet) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT power(2::float8, CASE family(p_net) WHEN 4 THEN 32 ELSE 128 END - masklen(p_net))
$$;

-- The part of a prefix, from 0 to 1, that lies in prefixes inside it. Those inside each other count once: of networks
-- in their order, one lies in an earlier one if that ends behind it.
CREATE OR REPLACE FUNCTION ipam_shared(p_vrf bigint, p_net cidr) RETURNS float8
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(sum(ipam_size(network)), 0) / ipam_size(p_net)
            FROM (SELECT network, max(ipam_last(network)::inet) OVER (ORDER BY network ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS behind
                    FROM ipam_prefix
                   WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint
                     AND vrf_id = p_vrf AND network > p_net AND network <= ipam_last(p_net)) inside
           WHERE behind IS NULL OR behind < network);
END $$;

-- How many addresses inside a prefix are held, at whatever depth.
CREATE OR REPLACE FUNCTION ipam_held(p_vrf bigint, p_net cidr) RETURNS float8
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(sum(ipam_size(network)), 0) FROM ipam_holding
           WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint
             AND vrf_id = p_vrf AND ended_at IS NULL AND network >= p_net AND network <= ipam_last(p_net));
END $$;

-- The next free address of a prefix, or of a pool in it; NULL when there is none. Not given: an IPv4 network's own and
-- broadcast address, the gateway, prefixes inside, and (of a prefix) the ranges of its pools.
--
-- Many may ask at once: whoever finds an address free takes a lock on it for the rest of the transaction and looks again, and
-- the others go on to the next one, so nobody waits. Blocks of 256 known to be full are stepped over by index: a dense /8 is
-- not walked. The constraint on ipam_holding remains the last word.
CREATE OR REPLACE FUNCTION ipam_next_free(p_prefix bigint, p_pool bigint DEFAULT NULL) RETURNS inet
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  tenant bigint := nullif(current_setting('app.tenant_id', true), '')::bigint;
  net cidr; vrf bigint; gate inet; lo inet; hi inet; stop inet; block inet; top inet; candidate inet; whole int; width int;
  firsts inet[]; lasts inet[]; n int := 1; found_free boolean; behind inet;
BEGIN
  SELECT p.network, p.vrf_id, p.gateway INTO net, vrf, gate FROM ipam_prefix p WHERE p.tenant_id = tenant AND p.id = p_prefix;
  IF net IS NULL THEN RETURN NULL; END IF;
  whole := CASE family(net) WHEN 4 THEN 32 ELSE 128 END;
  width := whole - 8;
  lo := set_masklen(net::inet, whole);
  stop := ipam_last(net)::inet;
  IF whole = 32 AND masklen(net) < 31 THEN lo := lo + 1; stop := stop - 1; END IF;
  IF p_pool IS NOT NULL THEN
    SELECT greatest(lo, r.first), least(stop, r.last) INTO lo, stop FROM ipam_pool r WHERE r.tenant_id = tenant AND r.id = p_pool;
  END IF;
  -- What is not ours to give, in order.
  SELECT array_agg(a ORDER BY a), array_agg(b ORDER BY a) INTO firsts, lasts FROM (
    SELECT set_masklen(c.network::inet, whole) AS a, ipam_last(c.network)::inet AS b FROM ipam_prefix c
     WHERE c.tenant_id = tenant AND c.vrf_id = vrf AND c.network > net AND c.network <= ipam_last(net)
    UNION ALL
    SELECT r.first, r.last FROM ipam_pool r
     WHERE p_pool IS NULL AND r.tenant_id = tenant AND r.vrf_id = vrf AND r.first >= lo AND r.first <= stop
    UNION ALL SELECT gate, gate WHERE gate IS NOT NULL) taken;
  WHILE lo <= stop LOOP
    WHILE n <= coalesce(cardinality(firsts), 0) AND firsts[n] <= lo LOOP
      IF lasts[n] >= lo THEN lo := lasts[n] + 1; END IF;
      n := n + 1;
    END LOOP;
    EXIT WHEN lo > stop;
    hi := CASE WHEN n <= coalesce(cardinality(firsts), 0) AND firsts[n] <= stop THEN firsts[n] - 1 ELSE stop END;
    block := set_masklen(network(set_masklen(lo, width))::inet, whole);
    IF lo = block THEN
      SELECT f.block + 256 INTO candidate FROM ipam_fullblock f
       WHERE f.tenant_id = tenant AND f.vrf_id = vrf AND f.block >= lo
         AND EXISTS (SELECT FROM ipam_fullblock g WHERE g.tenant_id = tenant AND g.vrf_id = vrf AND g.block = lo)
         AND NOT EXISTS (SELECT FROM ipam_fullblock g WHERE g.tenant_id = tenant AND g.vrf_id = vrf AND g.block = f.block + 256)
       ORDER BY f.block LIMIT 1;
      IF candidate IS NOT NULL THEN lo := candidate; CONTINUE; END IF;
    END IF;
    top := least(hi, block + 255);
    found_free := false;
    FOR candidate IN
      SELECT lo + step FROM generate_series(0, top - lo) step
       WHERE NOT EXISTS (SELECT FROM ipam_holding h WHERE h.tenant_id = tenant AND h.vrf_id = vrf AND h.ended_at IS NULL
                            AND h.network = lo + step)
       ORDER BY step
    LOOP
      found_free := true;
      CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('ipam:' || vrf || ':' || host(candidate), 0));
      PERFORM FROM ipam_holding h WHERE h.tenant_id = tenant AND h.vrf_id = vrf AND h.ended_at IS NULL AND h.network = candidate;
      CONTINUE WHEN FOUND;
      -- It may lie in a prefix that a line holds as a whole.
      SELECT max(ipam_last(h.network)::inet) INTO behind FROM ipam_holding h
       WHERE h.tenant_id = tenant AND h.vrf_id = vrf AND h.ended_at IS NULL AND h.network = ANY (ipam_supernets(candidate::cidr));
      IF behind IS NULL THEN RETURN candidate; END IF;
      top := greatest(top, behind);
      EXIT;
    END LOOP;
    IF NOT found_free AND lo = block AND top = block + 255 AND pg_try_advisory_xact_lock(hashtextextended('ipam:full:' || vrf, 0)) THEN
      INSERT INTO ipam_fullblock (tenant_id, vrf_id, block)
        SELECT tenant, vrf, block
         WHERE 256 = (SELECT count(*) FROM ipam_holding h WHERE h.tenant_id = tenant AND h.vrf_id = vrf AND h.ended_at IS NULL
                         AND h.network >= block AND h.network <= top AND masklen(h.network) = whole)
      ON CONFLICT DO NOTHING;
    END IF;
    lo := top + 1;
  END LOOP;
  RETURN NULL;
END $$;

-- A release opens the block it lies in. Whoever marks a block as full holds the same lock alone and counts again under it.
CREATE OR REPLACE FUNCTION ipam_open_blocks() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('ipam:full:' || vrf_id, 0))
     FROM (SELECT DISTINCT vrf_id FROM gone ORDER BY vrf_id) v;
  DELETE FROM ipam_fullblock f
   USING (SELECT DISTINCT tenant_id, vrf_id, set_masklen(network(set_masklen(network::inet, CASE family(network) WHEN 4 THEN 24 ELSE 120 END))::inet,
                 CASE family(network) WHEN 4 THEN 32 ELSE 128 END) AS block
            FROM gone WHERE masklen(network) = CASE family(network) WHEN 4 THEN 32 ELSE 128 END) g
   WHERE f.tenant_id = g.tenant_id AND f.vrf_id = g.vrf_id AND f.block = g.block;
  RETURN NULL;
END $$;

-- How many addresses inside a prefix stand in pools.
CREATE OR REPLACE FUNCTION ipam_pooled(p_vrf bigint, p_net cidr) RETURNS float8
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(sum(host_count), 0) FROM (
            SELECT CASE family(first) WHEN 4 THEN (last - first + 1)::float8
                   ELSE ipam_size(inet_merge(first, last)) END AS host_count
              FROM ipam_pool
             WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint
               AND vrf_id = p_vrf AND first >= set_masklen(p_net::inet, CASE family(p_net) WHEN 4 THEN 32 ELSE 128 END)
               AND first <= ipam_last(p_net)) pools);
END $$;
