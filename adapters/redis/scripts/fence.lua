-- Fence variants: values that were read before are no longer current. Announce it to replicas.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 a new token  2 the event's stamp ('' for a write)  3 for how long the fence is remembered
--       at least, in milliseconds  4 the channel  5 the beginning of the message, then each variant's
--       part of it
-- Returns the number of fenced variants: an event that is not later than the last fences nothing.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local fenced = {}
for i, key in ipairs(KEYS) do
  local last = redis.call('HGET', key, 'e')
  if ARGV[2] == '' or not last or last < ARGV[2] then
    local changed = { 'g', ARGV[1], 'f', now }
    if ARGV[2] ~= '' then
      changed = { 'g', ARGV[1], 'f', now, 'e', ARGV[2] }
    end
    local set = redis.pcall('HSET', key, unpack(changed))
    if type(set) == 'number' then
      redis.call('HDEL', key, 'l', 'x')
      local left = redis.call('PTTL', key)
      if left < tonumber(ARGV[3]) then
        if left >= 0 and redis.call('HEXISTS', key, 'v') == 1
          and redis.call('HEXISTS', key, 'z') == 0 then
          -- The hash outlives its reading, so that it remembers the fence.
          redis.pcall('HSET', key, 'z', string.format('%.0f', now + left * 1000))
        end
        redis.call('PEXPIRE', key, ARGV[3])
      end
    else
      -- A server out of memory takes no new token. Without any token, no old value is current, and
      -- no read that began before is stored.
      redis.call('DEL', key)
    end
    fenced[#fenced + 1] = ARGV[5 + i]
  end
end
if #fenced > 0 then
  redis.call('PUBLISH', ARGV[4], ARGV[5] .. table.concat(fenced))
end
return #fenced
