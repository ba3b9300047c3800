-- What is kept of each variant of a page, a token to keep a read with, and who may ask the service.
--
-- KEYS  a hash for each variant:
--         g  the token now in force; a fence replaces it
--         v, k, u, a, s  the payload, the token it was kept with, updated_at, as_of ('' where there
--                        is none), and as_of by this server's own clock
--         l, x  who holds the lease, and until when by this server's clock
--         e  the stamp of the last event
-- ARGV  1 a new token  2 who asks  3 now  4 greatest age of a reading  5 of an "unknown"
--       6 length of a lease (0: none)  7 how long a mere token lives, in milliseconds
-- All other times are microseconds, since 1970 or long.
-- Returns one string, since a client takes longer to read a hundred small replies than all else
-- does. In it, for each variant: current (1 or 0), lease (0 none, 1 the asker's, 2 another's), the
-- token's length, a byte each; the payload's length, four bytes; the age, a double; all of it
-- little-endian; then token and payload.
--
-- pcall, so that a server that takes nothing more, or a replica, still serves what it has.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]
local asked = tonumber(ARGV[3])
local length = tonumber(ARGV[6])
local glances = {}
for i, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'g', 'k', 'v', 'u', 'a', 's', 'l', 'x')
  local token, payload = kept[1], kept[3]
  if not token and type(redis.pcall('HSET', key, 'g', ARGV[1])) == 'number' then
    token = ARGV[1]
    redis.pcall('PEXPIRE', key, ARGV[7])
  end
  local age, lease = 0, 0
  local current = false
  if payload then
    -- By the asker's clock; but where the host that read it has another idea of the time, by ours.
    local by_server = server - kept[6]
    age = math.max(asked - kept[5], 0)
    if by_server > age + 1000000 then
      age = by_server
    end
    local greatest = kept[4] == '' and ARGV[5] or ARGV[4]
    current = kept[2] == token and age < tonumber(greatest)
  end
  if not current and length > 0 then
    if kept[7] and kept[7] ~= ARGV[2] and server < tonumber(kept[8]) then
      lease = 2
    else
      lease = 1
      redis.pcall('HSET', key, 'l', ARGV[2], 'x', string.format('%.0f', server + length))
    end
  end
  token, payload = token or '', payload or ''
  local head = struct.pack('<BBBI4d', current and 1 or 0, lease, #token, #payload, age)
  glances[i] = head .. token .. payload
end
return table.concat(glances)
