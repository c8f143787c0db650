import { createHash } from "node:crypto";

/**
 * What Redis runs: a batch of items in order, by its own clock, all of it at once. It is algorithms.ts and decide-take.ts again,
 * step by step: doubles are the same numbers in both, so what they come to is the same.
 *
 * KEYS are counters. ARGV[1] is JSON, `[shapes, items]`, in which keys and shapes are named by their places, from 1 on. A shape is
 * how a counter counts: an algorithm, 0 (fixed), 1 (sliding) or 2 (bucket), and of each window limit, length (milliseconds, or
 * five starts) and burst, all in a row. Items are
 *
 * - `[0 or 1, key, kind, hits, shape, hold, …]`: a take, `each` or `all`, five values a charge. Kinds are 0 take, 1 look, 2 count,
 *   3 refund; a hold is 0 or `[id, within, 0 keep or 1 release]`.
 *   Answers 1 (fits), 0 (exceeds), and of each charge 1 or 0 and three numbers a window; or 2 alone (skew).
 * - `[2, key, shape, member, by, starts]`: a settlement. Answers 1, or 0 where the hold is gone.
 * - `[3, key]`: a reset. Answers 1, or 0 where there was nothing.
 *
 * The reply is one flat list of whole numbers: epoch milliseconds, and the answers in order. A counter is a string,
 * `at,current,previous` of each window, and where holds wait `|` with when the first and the last of them are due. Holds are a
 * sorted set beside it, `id:hits:kind:starts` by when they are due. Nothing is written before every item of the batch that
 * reads has read, but for holds; every key expires.
 */
const LUA = `
local FIXED, BUCKET = 0, 2
local TAKE, LOOK, COUNT, REFUND = 0, 1, 2, 3
local MAX_HOLDS, RELEASED_AT_A_TIME = 10000, 100

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local call, format, match = redis.call, string.format, string.match
local time = call('TIME')
local clock = time[1] * 1000 + floor(time[2] / 1000)

-- Where the window of a moment begins and ends, and the one before it begins. Nil where it is not known.
local function span_at(length, now)
  if type(length) == 'number' then
    local start = floor(now / length) * length
    return { before = start - length, start = start, finish = start + length }
  end
  for index = 2, 4 do
    if now >= length[index] and now < length[index + 1] then
      return { before = length[index - 1], start = length[index], finish = length[index + 1] }
    end
  end
end

-- The windows of a shape, each with where it is now.
local function windows_of(shape)
  local algorithm, windows = shape[1], {}
  for index = 2, #shape, 3 do
    local limit, length, burst = shape[index], shape[index + 1], shape[index + 2]
    windows[#windows + 1] = {
      algorithm = algorithm,
      limit = limit,
      length = length,
      capacity = algorithm == BUCKET and limit > 0 and burst or limit,
      span = algorithm ~= BUCKET and span_at(length, clock),
    }
  end
  return windows
end

-- What is kept of a window, brought to this moment: at, current, previous, now, span. Nil where it is not known.
-- Several values rather than a table: this is run for every window of every charge.
local function roll(window, at, current, previous)
  local now, span = clock, window.span
  if at > clock then now = at end
  if window.algorithm == BUCKET then return now, max(0, current - (now - at) * window.limit), 0, now end
  if now ~= clock then span = span_at(window.length, now) end
  if not span then return nil end
  if at == span.start then return at, current, previous, now, span end
  return span.start, 0, at == span.before and current or 0, now, span
end

local function used(window, current, previous, now, span)
  if window.algorithm == FIXED then return current end
  if window.algorithm == BUCKET then return ceil(current / window.length) end
  local before = span.start - span.before
  return current + ceil((previous * min(span.finish - now, before)) / before)
end

local function lives(window, current, now, span)
  if window.algorithm == BUCKET then return ceil(current / max(1, window.limit)) + 1 end
  if window.algorithm == FIXED then return span.finish - now end
  return span.finish - now + span.finish - span.start
end

local counters, turn = {}, 0

-- All that it will have, so that the table is made once: begins (of what may keep its life), windows (where it is to be written),
-- and pending (of the turn).
local function new_counter(key)
  return { key = key, states = {}, first = 0, last = 0, begins = false, windows = false, turn = 0, pending = false }
end

local function counter_of(place)
  local counter = counters[place]
  if counter then return counter end
  counter = new_counter(KEYS[place])
  counters[place] = counter
  local text = call('GET', KEYS[place])
  if not text then return counter end
  local at, current, previous = match(text, '^(%d+),(%d+),(%d+)$')
  if at then
    counter.begins = tonumber(at)
    counter.states = { counter.begins, tonumber(current), tonumber(previous) }
    return counter
  end
  local states, count = {}, 0
  local numbers, first, last = match(text, '^([%d,]*)|(%d+),(%d+)$')
  if first then counter.first, counter.last = tonumber(first), tonumber(last) end
  for number in string.gmatch(numbers or text, '%d+') do
    count = count + 1
    states[count] = tonumber(number)
  end
  counter.states = states
  return counter
end

-- What is kept of a counter is written at the end, once; its life counts by the windows that were named last.
local function keep(counter, states, windows)
  counter.states, counter.windows = states, windows
end

local function write(counter)
  local windows, states, key = counter.windows, counter.states, counter.key
  -- One window that is still the same ends when it was to end.
  if counter.begins == states[1] and counter.first == 0 and not windows[2] and windows[1].algorithm ~= BUCKET then
    call('SET', key, format('%d,%d,%d', states[1], states[2], states[3]), 'KEEPTTL')
    return
  end
  local life, texts = 1, {}
  for index, window in ipairs(windows) do
    local from = index * 3
    local at, current, previous, now, span =
      roll(window, states[from - 2] or 0, states[from - 1] or 0, states[from] or 0)
    if not at then return end
    life = max(life, lives(window, current, now, span))
    texts[index] = format('%d,%d,%d', at, current, previous)
  end
  local text = texts[2] and table.concat(texts, ',') or texts[1]
  if counter.first > 0 then
    life = max(life, counter.last - clock)
    text = text .. format('|%d,%d', counter.first, counter.last)
    call('PEXPIRE', key .. ':held', life)
  end
  call('SET', key, text, 'PX', life)
end

local function correct(counter, by, starts, windows)
  local kept, states = counter.states, {}
  for index, window in ipairs(windows) do
    local from = index * 3
    local at, current, previous, _, span =
      roll(window, kept[from - 2] or 0, kept[from - 1] or 0, kept[from] or 0)
    if not at then return end
    if window.algorithm == BUCKET then
      current = max(0, current + by * window.length)
    elseif starts[index] == at then
      current = max(0, current + by)
    elseif starts[index] == span.before then
      previous = max(0, previous + by)
    end
    states[from - 2], states[from - 1], states[from] = at, current, previous
  end
  keep(counter, states, windows)
end

-- Ends the holds that nobody has settled in time.
local function release(counter, windows)
  if counter.first == 0 or counter.first > clock or counter.is_released then return end
  counter.is_released = true
  local held = counter.key .. ':held'
  local due = call('ZRANGEBYSCORE', held, '-inf', clock, 'LIMIT', 0, RELEASED_AT_A_TIME)
  for _, member in ipairs(due) do
    local hits, kind, starts = match(member, '^[^:]*:(%d+):(%d):(.*)$')
    if kind == '1' then
      local numbers = {}
      for number in string.gmatch(starts, '%d+') do numbers[#numbers + 1] = tonumber(number) end
      correct(counter, -tonumber(hits), numbers, windows)
    end
  end
  if #due > 0 then call('ZREMRANGEBYRANK', held, 0, #due - 1) end
  local next_due = call('ZRANGE', held, 0, 0, 'WITHSCORES')[2]
  counter.first = next_due and tonumber(next_due) or 0
  if not counter.windows then keep(counter, counter.states, windows) end
end

local content = cjson.decode(ARGV[1])
local shapes = content[1]
for place, shape in ipairs(shapes) do shapes[place] = windows_of(shape) end
local reply, answers = { clock }, 1

-- What a charge has left is in the reply, from the place on; its first window begins there.
local function hold(counter, hits, given, place, windows)
  local held, due, starts = counter.key .. ':held', clock + given[2], {}
  for index = 1, #windows do starts[index] = format('%d', reply[place + index * 3 - 2]) end
  local member = format('%s:%d:%d:%s', given[1], hits, given[3], table.concat(starts, ','))
  -- What is there of a counter that was lost must not change this one.
  if counter.first == 0 then call('DEL', held) end
  if call('ZADD', held, due, member) == 1 and call('ZCARD', held) > MAX_HOLDS then call('ZPOPMIN', held) end
  counter.first = counter.first == 0 and due or min(counter.first, due)
  counter.last = max(counter.last, due)
end

-- One charge of the turn, answered from a place of the reply on: whether it fits, and what it leaves. What earlier ones of the
-- turn have left is pending. Nil where a window is not known.
local function carry_out(counter, kind, hits, windows, place)
  release(counter, windows)
  local before = counter.turn == turn and counter.pending or counter.states
  local wanted, does_fit, count = kind == REFUND and 0 or hits, true, #windows
  reply[place] = 0
  for index = 1, count do
    local window, from = windows[index], index * 3
    local at, current, previous, now, span =
      roll(window, before[from - 2] or 0, before[from - 1] or 0, before[from] or 0)
    if not at then return nil end
    local capacity, is_bucket = window.capacity, window.algorithm == BUCKET
    local is_used = used(window, current, previous, now, span)
    if is_bucket then
      does_fit = does_fit and current + wanted * window.length <= capacity * window.length
    else
      does_fit = does_fit and is_used + wanted <= capacity
    end
    if kind == COUNT or kind == REFUND then
      local amount = kind == REFUND and -hits or max(0, min(hits, capacity + 1 - is_used))
      current = max(0, current + (is_bucket and amount * window.length or amount))
    end
    from = place + from
    reply[from - 2], reply[from - 1], reply[from] = at, current, previous
  end
  if does_fit then reply[place] = 1 end
  if hits == 0 or kind == LOOK or (kind == TAKE and not does_fit) then return does_fit end
  local states = { reply[place + 1], 0, reply[place + 3] }
  for index = 1, count do
    local from = index * 3
    local current = reply[place + from - 1]
    if kind == TAKE then
      current = current + (windows[index].algorithm == BUCKET and hits * windows[index].length or hits)
      reply[place + from - 1] = current
    end
    states[from - 2], states[from - 1], states[from] = reply[place + from - 2], current, reply[place + from]
  end
  counter.turn, counter.pending = turn, states
  return does_fit
end

local function take(item)
  local first, do_all_fit = answers + 1, true
  local place = first + 1
  turn = turn + 1
  reply[first] = 1
  for at = 2, #item, 5 do
    local kind, windows = item[at + 1], shapes[item[at + 3]]
    local does_fit = carry_out(counter_of(item[at]), kind, item[at + 2], windows, place)
    if does_fit == nil then
      for index = #reply, first, -1 do reply[index] = nil end
      reply[first], answers = 2, first
      return
    end
    if not does_fit and kind ~= COUNT and kind ~= REFUND then do_all_fit = false end
    place = place + 1 + #windows * 3
  end
  answers = place - 1
  local is_taken = do_all_fit or item[1] == 0
  if not do_all_fit then reply[first] = 0 end
  if not is_taken then
    -- Nothing is taken; what counts in any case is carried out as if there had been no take.
    turn, place = turn + 1, first + 1
    for at = 2, #item, 5 do
      local kind, windows, found = item[at + 1], shapes[item[at + 3]], reply[place]
      carry_out(counter_of(item[at]), kind == TAKE and LOOK or kind, item[at + 2], windows, place)
      reply[place] = found
      place = place + 1 + #windows * 3
    end
  end
  place = first + 1
  for at = 2, #item, 5 do
    local counter, hits, windows, given = counters[item[at]], item[at + 2], shapes[item[at + 3]], item[at + 4]
    if counter.turn == turn then keep(counter, counter.pending, windows) end
    if given ~= 0 and item[at + 1] == TAKE and hits > 0 and is_taken and reply[place] == 1 then
      hold(counter, hits, given, place, windows)
    end
    place = place + 1 + #windows * 3
  end
end

local function answer(number)
  answers = answers + 1
  reply[answers] = number
end

local function settle(item)
  local counter, windows = counter_of(item[2]), shapes[item[3]]
  release(counter, windows)
  local is_held = call('ZREM', counter.key .. ':held', item[4]) == 1
  if is_held then correct(counter, item[5], item[6], windows) end
  answer(is_held and 1 or 0)
end

local function reset(item)
  local key, counter = KEYS[item[2]], counters[item[2]]
  local count = call('DEL', key, key .. ':held')
  counters[item[2]] = new_counter(key)
  answer((count > 0 or (counter and counter.windows)) and 1 or 0)
end

for _, item in ipairs(content[2]) do
  if item[1] < 2 then take(item) elseif item[1] == 2 then settle(item) else reset(item) end
end

for _, counter in pairs(counters) do
  if counter.windows then write(counter) end
end

return reply
`;

export const SCRIPT = {
  text: LUA,
  /** By which Redis knows it (EVALSHA). */
  sha: createHash("sha1").update(LUA).digest("hex"),
} as const;
