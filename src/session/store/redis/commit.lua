-- Writes a batch of changes, all at once. What belongs to a session is written only if the ownership it was made under
-- is still the last one; gives the number that the replicas were told (0: nothing), the places (from 0) of the groups
-- that were refused, and how many rows were not as they had been seen.
-- ARGV: the sessions' time to live in milliseconds, the channel for news; then for each group its key, the ownership's
-- number (empty: it belongs to no session), how many changes, and each change as operation, field, value:
-- P puts, V makes the P behind it put only if the row is as it was seen, D removes, A removes all fields that begin so,
-- R gives the session back, N tells all replicas the number of the change. Numbers begin with the time: a server that has
-- lost everything gives none twice.
local refused, place, at, news, number, seen, others = {}, 0, 3, nil, 0, true, 0
while at <= #ARGV do
  local key, epoch, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local current = epoch == '' or redis.call('HGET', key, '#epoch') == epoch
  if not current then refused[#refused + 1] = place end
  for _ = 1, count do
    local operation, field, value = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
    if not current then
      -- Nothing of it is written.
    elseif operation == 'V' then
      seen = redis.call('HGET', key, field) == value
      if not seen then others = others + 1 end
    elseif operation == 'P' then
      if seen then redis.call('HSET', key, field, value) end
      seen = true
    elseif operation == 'D' then
      redis.call('HDEL', key, field)
    elseif operation == 'A' then
      for _, name in ipairs(redis.call('HKEYS', key)) do
        if string.sub(name, 1, #field) == field then redis.call('HDEL', key, name) end
      end
    elseif operation == 'R' then
      redis.call('HDEL', key, '#owner')
    elseif operation == 'N' then
      news = key
    end
  end
  if current and epoch ~= '' then redis.call('PEXPIRE', key, ARGV[1]) end
  place = place + 1
end
if news then
  redis.call('HSETNX', news, '#number', redis.call('TIME')[1] .. '000')
  number = redis.call('HINCRBY', news, '#number', 1)
  redis.call('PUBLISH', ARGV[2], number)
end
return {number, refused, others}
