-- Look up the variants of a page: values, tokens to store a read with, and leases.
--
-- KEYS  a hash for each variant:
--         g  the current fencing token; a fence replaces it
--         v, k, u, a, s  a reading's payload, the token it was stored with ('': it is not current),
--                        updated_at (no later than as_of; '' where there is none), as_of, and as_of
--                        by this server's own clock
--         w  when the reading was asked for last, where that is later than as_of
--         r  when a read first brought an older level than the reading's, by this server's clock
--         n  an "unknown": as_of, as_of by this server's clock, when it was asked for, its end by
--            this server's clock (doubles), its token (with its length in a byte before it), its
--            payload. The reading stays beside it.
--         z  the reading's end by this server's clock, where the hash outlives it
--         l, x  the holder of the lease, and the lease's end by this server's clock
--         e, f  the stamp of the last event, and when the last fence came, by this server's clock
-- ARGV  1 a new token  2 the caller's claim  3 now  4 maximum age of a reading since it was asked
--       for  5 of an "unknown"  6 maximum age of either since its as_of  7 length of a lease
--       (0: none)  8 the lifetime of a hash without a value, in milliseconds
-- All other times are microseconds: since 1970, or a duration.
-- Returns one string, because a client parses it faster than many small replies. For each variant
-- it holds: 1 if it is current, plus 2 if the last answer was "unknown"; lease (0 none, 1 the
-- caller's, 2 another's) and the token's length, a byte each; the payload's length, four bytes; the
-- age since as_of and how much of it is from before it was asked for, doubles; all of it
-- little-endian; then token and payload.
--
-- The former edition kept an "unknown" as a value, in version 1 and without updated_at.
-- pcall: a server that is out of memory, or a replica, still serves its values.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]
local now = tonumber(ARGV[3])
local reading_age, unknown_age = tonumber(ARGV[4]), tonumber(ARGV[5])
local longest, length = tonumber(ARGV[6]), tonumber(ARGV[7])

-- By the caller's clock; but if the clock of the host that stored it differs, by the server's.
local function age_of(as_of, at)
  local age, by_server = math.max(now - as_of, 0), server - at
  return by_server > age + 1000000 and by_server or age
end

local lookups = {}
for i, key in ipairs(KEYS) do
  local stored = redis.call('HMGET', key, 'g', 'k', 'v', 'u', 'a', 's', 'l', 'x', 'w', 'n', 'z')
  local token, payload, absence = stored[1], stored[3], stored[10]
  if not token and type(redis.pcall('HSET', key, 'g', ARGV[1])) == 'number' then
    token = ARGV[1]
    redis.pcall('PEXPIRE', key, ARGV[8])
  end
  if stored[11] and server >= tonumber(stored[11]) then
    payload = nil
  end
  local age, upstream, lease, absent = 0, 0, 0, 0
  local current = false
  if payload then
    age = age_of(stored[5], stored[6])
    upstream = stored[9] and math.max(stored[9] - stored[5], 0) or 0
    local max_age = reading_age
    if stored[4] == '' and payload:byte(1) == 1 then
      absent, max_age = 2, unknown_age
    end
    current = stored[2] == token and age - upstream < max_age and age < longest
  end
  if absence then
    local as_of, at, asked, ends, its_token, rest = struct.unpack('<ddddBc0', absence)
    if its_token == token and server < ends and (not payload or as_of >= tonumber(stored[5])) then
      local its_age, its_upstream = age_of(as_of, at), math.max(asked - as_of, 0)
      absent = 2
      current = its_age - its_upstream < unknown_age and its_age < longest
      if current or not payload then
        payload, age, upstream = absence:sub(rest), its_age, its_upstream
      end
    end
  end
  if not current and length > 0 then
    if stored[7] and stored[7] ~= ARGV[2] and server < tonumber(stored[8]) then
      lease = 2
    else
      lease = 1
      redis.pcall('HSET', key, 'l', ARGV[2], 'x', string.format('%.0f', server + length))
    end
  end
  token, payload = token or '', payload or ''
  local flags = absent + (current and 1 or 0)
  local head = struct.pack('<BBBI4dd', flags, lease, #token, #payload, age, upstream)
  lookups[i] = head .. token .. payload
end
return table.concat(lookups)
