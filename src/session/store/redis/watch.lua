-- Somebody watches. Where nobody did before, events were not told: nobody may believe to have missed none.
-- KEYS: the events, what is known of them, whether somebody watches. ARGV: the channel, what is told to all replicas, how
-- long it holds in milliseconds.
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'bytes', 0)
  redis.call('HINCRBY', KEYS[2], 'last', 1)
end
redis.call('SET', KEYS[3], 1, 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[1], '0 ' .. ARGV[2])
