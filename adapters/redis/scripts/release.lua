-- End the leases of a claim whose read brought no answer.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 the claim
-- Returns the number of ended leases.
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'l') == ARGV[1] then
    count = count + redis.call('HDEL', key, 'l', 'x') / 2
  end
end
return count
