-- Store the answers of a read, as far as the tokens allow, and end the leases of its claim.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 the claim, then for each variant: token, payload, updated_at ('' where there is none),
--       as_of, age, and its lifetime in milliseconds; times as in lookup.lua
-- Returns the number of stored answers.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]
local count = 0
for i, key in ipairs(KEYS) do
  local token, payload, updated, as_of, age, lifetime = unpack(ARGV, 6 * i - 4, 6 * i + 1)
  local known = redis.call('HMGET', key, 'g', 'v', 'u', 'a', 'l')
  if known[1] == token then
    local wins = true
    if known[2] then
      local new, old = tonumber(updated), tonumber(known[3])
      if new and old and new ~= old then
        wins = new > old
      else
        wins = tonumber(as_of) >= tonumber(known[4])
      end
    end
    if wins then
      redis.call('HSET', key, 'k', token, 'v', payload, 'u', updated, 'a', as_of,
        's', string.format('%.0f', server - age))
      redis.call('PEXPIRE', key, lifetime)
      count = count + 1
    end
  end
  if known[5] == ARGV[1] then
    redis.call('HDEL', key, 'l', 'x')
  end
end
return count
