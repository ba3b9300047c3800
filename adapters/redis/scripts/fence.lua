-- Something changed about variants: what was read before is not current, and replicas are told.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 a new token  2 the event's stamp ('' for a write)  3 how long a mere token lives, in
--       milliseconds  4 the channel  5 what the message begins with, then each variant's part of it
-- Returns how many were fenced: an event that is not later than the last one fences nothing.
local told = {}
for i, key in ipairs(KEYS) do
  local last = redis.call('HGET', key, 'e')
  if ARGV[2] == '' or not last or last < ARGV[2] then
    local changed = { 'g', ARGV[1] }
    if ARGV[2] ~= '' then
      changed = { 'g', ARGV[1], 'e', ARGV[2] }
    end
    local set = redis.pcall('HSET', key, unpack(changed))
    if type(set) == 'number' then
      redis.call('HDEL', key, 'l', 'x')
      if redis.call('PTTL', key) < 0 then
        redis.call('PEXPIRE', key, ARGV[3])
      end
    else
      -- A full server takes no new token, but without any nothing old is current, nor kept.
      redis.call('DEL', key)
    end
    told[#told + 1] = ARGV[5 + i]
  end
end
if #told > 0 then
  redis.call('PUBLISH', ARGV[4], ARGV[5] .. table.concat(told))
end
return #told
