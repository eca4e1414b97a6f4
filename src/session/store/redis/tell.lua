-- Tells all replicas what one has to tell, in its order and once. What is an event gets the next number and is kept for
-- whoever was not there.
-- KEYS: the events, what is known of them, what waits for people, how far this replica is. ARGV: the channel, how many
-- events and bytes of them are kept at most, the number of the first text, then for each text its kind, an id and itself:
-- E an event, W one that begins to wait under the id, C one that ends that (told only if it waited), T no event, G a gap:
-- others were not told.
local events, known, waiting = KEYS[1], KEYS[2], KEYS[3]
local number, told = tonumber(ARGV[4]), tonumber(redis.call('GET', KEYS[4]) or 0)
for at = 5, #ARGV, 3 do
  local kind, id, text = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local news = number > told
  if news and kind == 'W' then redis.call('HSET', waiting, id, text) end
  if news and kind == 'C' then news = redis.call('HDEL', waiting, id) == 1 end
  if news and kind == 'T' then
    redis.call('PUBLISH', ARGV[1], '0 ' .. text)
  elseif news and kind == 'G' then
    redis.call('DEL', events)
    redis.call('HSET', known, 'bytes', 0)
    redis.call('HINCRBY', known, 'last', 1)
  elseif news then
    local last = redis.call('HINCRBY', known, 'last', 1)
    redis.call('XADD', events, last .. '-0', 'e', text)
    local bytes = redis.call('HINCRBY', known, 'bytes', #text)
    while redis.call('XLEN', events) > tonumber(ARGV[2]) or bytes > tonumber(ARGV[3]) do
      local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
      redis.call('XDEL', events, first[1])
      bytes = redis.call('HINCRBY', known, 'bytes', -#first[2][2])
    end
    redis.call('PUBLISH', ARGV[1], last .. ' ' .. text)
  end
  number = number + 1
end
redis.call('SET', KEYS[4], number - 1, 'EX', 600)
