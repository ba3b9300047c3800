-- End the leases of a reader that brought nothing.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 who read
-- Returns how many were ended.
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'l') == ARGV[1] then
    count = count + redis.call('HDEL', key, 'l', 'x') / 2
  end
end
return count
