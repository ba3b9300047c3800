-- Look up the variants of a page: values, tokens to store a read with, and leases.
--
-- KEYS  a hash for each variant:
--         g  the current fencing token; a fence replaces it
--         v, k, u, a, s  the payload, the token it was stored with, updated_at, as_of ('' where
--                        there is none), and as_of by this server's own clock
--         l, x  the holder of the lease, and the lease's end by this server's clock
--         e  the stamp of the last event
-- ARGV  1 a new token  2 the caller's claim  3 now  4 maximum age of a reading  5 of an "unknown"
--       6 length of a lease (0: none)  7 the lifetime of a hash without a value, in milliseconds
-- All other times are microseconds: since 1970, or a duration.
-- Returns one string, because a client parses it faster than many small replies. For each variant
-- it holds: current (1 or 0), lease (0 none, 1 the caller's, 2 another's) and the token's length, a
-- byte each; the payload's length, four bytes; the age, a double; all of it little-endian; then
-- token and payload.
--
-- pcall: a server that is out of memory, or a replica, still serves its values.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]
local now = tonumber(ARGV[3])
local length = tonumber(ARGV[6])
local lookups = {}
for i, key in ipairs(KEYS) do
  local stored = redis.call('HMGET', key, 'g', 'k', 'v', 'u', 'a', 's', 'l', 'x')
  local token, payload = stored[1], stored[3]
  if not token and type(redis.pcall('HSET', key, 'g', ARGV[1])) == 'number' then
    token = ARGV[1]
    redis.pcall('PEXPIRE', key, ARGV[7])
  end
  local age, lease = 0, 0
  local current = false
  if payload then
    -- By the caller's clock; but if the clock of the host that stored it differs, by the server's.
    local by_server = server - stored[6]
    age = math.max(now - stored[5], 0)
    if by_server > age + 1000000 then
      age = by_server
    end
    local max_age = stored[4] == '' and ARGV[5] or ARGV[4]
    current = stored[2] == token and age < tonumber(max_age)
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
  local head = struct.pack('<BBBI4d', current and 1 or 0, lease, #token, #payload, age)
  lookups[i] = head .. token .. payload
end
return table.concat(lookups)
