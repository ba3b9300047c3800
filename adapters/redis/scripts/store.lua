-- Store the answers of a read, as far as the tokens allow, and end the leases of its claim.
--
-- KEYS  a hash for each variant: see lookup.lua
-- ARGV  1 the claim, then for each variant: token, payload, updated_at (no later than as_of; ''
--       where there is none), as_of, when it was asked for, age since as_of, its lifetime in
--       milliseconds, and for how long an older level is held back ('' for an "unknown"); times as
--       in lookup.lua
-- Returns the number of stored answers.
local time = redis.call('TIME')
local server = time[1] * 1000000 + time[2]

-- By how much an answer is later than a known one: by the clocks of the hosts that read them; but
-- if those differ, by the server's.
local function later_by(as_of, at, known_as_of, known_at)
  local by_hosts, by_server = as_of - known_as_of, at - known_at
  return math.abs(by_hosts - by_server) > 1000000 and by_server or by_hosts
end

local function text(microseconds)
  return string.format('%.0f', microseconds)
end

local function absence_of(as_of, at, asked, ends, token, payload)
  return struct.pack('<ddddBc0', as_of, at, asked, ends, #token, token) .. payload
end

-- Let the hash end with the last of its values, and not soon after a fence: else an answer that a
-- cache on the way had kept since before the fence would be current.
local function keep(key, reading_ends, absence_ends, fenced_at)
  local guarded = fenced_at and fenced_at + 60000000 or 0
  local ends = math.max(reading_ends, absence_ends, guarded)
  if reading_ends > 0 and ends > reading_ends then
    redis.call('HSET', key, 'z', text(reading_ends))
  end
  redis.call('PEXPIRE', key, math.max(math.ceil((ends - server) / 1000), 1))
end

local count = 0
for i, key in ipairs(KEYS) do
  local token, payload, updated, as_of, asked, age, lifetime, hold =
    unpack(ARGV, 8 * i - 6, 8 * i + 1)
  local known = redis.call('HMGET', key, 'g', 'v', 'u', 'a', 's', 'w', 'l', 'n', 'r', 'f', 'z')
  if known[1] == token then
    as_of, asked = tonumber(as_of), tonumber(asked)
    local at, ends = server - age, server + lifetime * 1000
    local fenced_at, reading_ends = tonumber(known[10]), tonumber(known[11])
    if asked > as_of and fenced_at and at <= fenced_at then
      token = ''  -- a cache on the way had kept it since before the fence: it is not current
    end
    local reading = known[2] and not (known[3] == '' and known[2]:byte(1) == 1)
    reading = reading and not (reading_ends and server >= reading_ends)
    local later = reading and later_by(as_of, at, known[4], known[5])
    local absent, absent_later
    if known[8] then
      absent = { struct.unpack('<ddddBc0', known[8]) }
      absent_later = later_by(as_of, at, absent[1], absent[2])
    end
    if hold == '' then
      if (not reading or later >= 0) and (not absent or absent_later >= 0) then
        if known[2] and not reading then
          redis.call('HDEL', key, 'v', 'k', 'u', 'a', 's', 'z')
        end
        if not reading then
          reading_ends = 0
        elseif not reading_ends then
          reading_ends = server + redis.call('PTTL', key) * 1000
        end
        redis.call('HSET', key, 'n', absence_of(as_of, at, asked, ends, token, payload))
        keep(key, reading_ends, ends, fenced_at)
        count = count + 1
      end
    else
      local wins, first = true, tonumber(known[9])
      if reading then
        local new, old = tonumber(updated), tonumber(known[3])
        local regresses = new and old and new < old
        if new and old and new ~= old then
          wins = new > old
        else
          wins = later >= 0
        end
        if regresses and later > 0 then
          -- A lagging replica of the service may have answered, or its clock was set right.
          wins = first and at + asked - as_of >= first + hold
          if not first then
            redis.call('HSET', key, 'r', text(at + asked - as_of))
          end
        end
        -- What brought nothing newer was asked for all the same: not every view asks again. Of
        -- regressions, only the first one counts, so that they are asked for again in time.
        local asked_later = later + asked - as_of
        local known_asked = math.max((known[6] or known[4]) - known[4], 0)
        if not wins and asked_later > known_asked and not (regresses and first) then
          redis.call('HSET', key, 'w', text(known[4] + asked_later))
        end
      end
      if absent and absent_later >= 0 then
        redis.call('HDEL', key, 'n')
        absent = nil
        if not wins and reading_ends then
          keep(key, reading_ends, 0, fenced_at)
        end
      end
      if wins then
        redis.call('HSET', key, 'k', token, 'v', payload, 'u', updated, 'a', text(as_of),
          's', text(at))
        if asked > as_of then
          redis.call('HSET', key, 'w', text(asked))
        elseif known[6] then
          redis.call('HDEL', key, 'w')
        end
        if first then
          redis.call('HDEL', key, 'r')
        end
        if reading_ends then
          redis.call('HDEL', key, 'z')
        end
        keep(key, ends, absent and absent[4] or 0, fenced_at)
        count = count + 1
      end
    end
  end
  if known[7] == ARGV[1] then
    redis.call('HDEL', key, 'l', 'x')
  end
end
return count
