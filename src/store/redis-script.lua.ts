import { createHash } from "node:crypto";

/**
 * What Redis runs: a batch of items in order, by its own clock, all of it at once. It is algorithms.ts and decide-take.ts again,
 * step by step: doubles are the same numbers in both, so what they come to is the same.
 *
 * KEYS are counters. ARGV[1] is a JSON list of items, in which a key is its index in KEYS, an algorithm 0 (fixed), 1 (sliding)
 * or 2 (bucket), and a window three values in a row: limit, length (milliseconds, or five starts), burst.
 *
 * - `[0 or 1, charge…]`: a take, `each` or `all`. A charge is `[key, kind, hits, algorithm, hold, window…]`; kinds are 0 take,
 *   1 look, 2 count, 3 refund; a hold is 0 or `[id, within, 0 keep or 1 release]`.
 *   Answers 1 (fits), 0 (exceeds), and of each charge 1 or 0 and three numbers a window; or 2 alone (skew).
 * - `[2, key, algorithm, member, by, starts, window…]`: a settlement. Answers 1, or 0 where the hold is gone.
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

local function bounds_at(length, now)
  if type(length) == 'number' then
    local start = floor(now / length) * length
    return start - length, start, start + length
  end
  for index = 2, 4 do
    if now >= length[index] and now < length[index + 1] then
      return length[index - 1], length[index], length[index + 1]
    end
  end
end

-- What is kept of a window, brought to this moment: at, current, previous, now, before, finish. Nil where it is not known.
-- Several values rather than a table: this is run for every window of every charge.
local function roll(algorithm, limit, length, at, current, previous)
  local now = max(clock, at)
  if algorithm == BUCKET then return now, max(0, current - (now - at) * limit), 0, now end
  local before, start, finish = bounds_at(length, now)
  if not before then return nil end
  if at == start then return start, current, previous, now, before, finish end
  return start, 0, at == before and current or 0, now, before, finish
end

local function used(algorithm, length, at, current, previous, now, before, finish)
  if algorithm == FIXED then return current end
  if algorithm == BUCKET then return ceil(current / length) end
  local overlap = min(finish - now, at - before)
  return current + ceil((previous * overlap) / (at - before))
end

local function lives(algorithm, limit, at, current, now, finish)
  if algorithm == BUCKET then return ceil(current / max(1, limit)) + 1 end
  return algorithm == FIXED and finish - now or finish - now + finish - at
end

local counters = {}

local function counter_of(key)
  local counter = counters[key]
  if counter then return counter end
  counter = { key = KEYS[key], first = 0, last = 0 }
  counters[key] = counter
  local text = call('GET', KEYS[key])
  local at, current, previous
  if text then at, current, previous = match(text, '^(%d+),(%d+),(%d+)$') end
  if at or not text then
    counter.states = { tonumber(at), tonumber(current), tonumber(previous) }
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
local function keep(counter, states, algorithm, item, from)
  counter.states, counter.algorithm, counter.item, counter.from = states, algorithm, item, from
end

local function write(counter)
  local algorithm, item, from, states = counter.algorithm, counter.item, counter.from, counter.states
  local life, texts = 1, {}
  for index = 1, #item - from + 1, 3 do
    local limit, length = item[from + index - 1], item[from + index]
    local at, current, previous, now, _, finish =
      roll(algorithm, limit, length, states[index] or 0, states[index + 1] or 0, states[index + 2] or 0)
    if not at then return end
    life = max(life, lives(algorithm, limit, at, current, now, finish))
    texts[#texts + 1] = format('%d,%d,%d', at, current, previous)
  end
  local text = texts[2] and table.concat(texts, ',') or texts[1]
  if counter.first > 0 then
    life = max(life, counter.last - clock)
    text = text .. format('|%d,%d', counter.first, counter.last)
    call('PEXPIRE', counter.key .. ':held', life)
  end
  call('SET', counter.key, text, 'PX', life)
end

local function correct(counter, by, starts, algorithm, item, from)
  local kept, states = counter.states, {}
  for index = 1, #item - from + 1, 3 do
    local length = item[from + index]
    local at, current, previous, _, before =
      roll(algorithm, item[from + index - 1], length, kept[index] or 0, kept[index + 1] or 0, kept[index + 2] or 0)
    if not at then return end
    local started = starts[(index + 2) / 3]
    if algorithm == BUCKET then
      current = max(0, current + by * length)
    elseif started == at then
      current = max(0, current + by)
    elseif started == before then
      previous = max(0, previous + by)
    end
    states[index], states[index + 1], states[index + 2] = at, current, previous
  end
  keep(counter, states, algorithm, item, from)
end

-- Ends the holds that nobody has settled in time.
local function release(counter, algorithm, item, from)
  if counter.first == 0 or counter.first > clock or counter.is_released then return end
  counter.is_released = true
  local held = counter.key .. ':held'
  local due = call('ZRANGEBYSCORE', held, '-inf', clock, 'LIMIT', 0, RELEASED_AT_A_TIME)
  for _, member in ipairs(due) do
    local hits, kind, starts = match(member, '^[^:]*:(%d+):(%d):(.*)$')
    if kind == '1' then
      local numbers = {}
      for number in string.gmatch(starts, '%d+') do numbers[#numbers + 1] = tonumber(number) end
      correct(counter, -tonumber(hits), numbers, algorithm, item, from)
    end
  end
  if #due > 0 then call('ZREMRANGEBYRANK', held, 0, #due - 1) end
  local next_due = call('ZRANGE', held, 0, 0, 'WITHSCORES')[2]
  counter.first = next_due and tonumber(next_due) or 0
  if not counter.item then keep(counter, counter.states, algorithm, item, from) end
end

local function hold(counter, charge, states)
  local held, due, starts = counter.key .. ':held', clock + charge[5][2], {}
  for index = 1, #states, 3 do starts[#starts + 1] = format('%d', states[index]) end
  local member = format('%s:%d:%d:%s', charge[5][1], charge[3], charge[5][3], table.concat(starts, ','))
  -- What is there of a counter that was lost must not change this one.
  if counter.first == 0 then call('DEL', held) end
  if call('ZADD', held, due, member) == 1 and call('ZCARD', held) > MAX_HOLDS then call('ZPOPMIN', held) end
  counter.first = counter.first == 0 and due or min(counter.first, due)
  counter.last = max(counter.last, due)
end

-- One charge; changed has what earlier ones of the take have left. Nil where a window is not known.
local function carry_out(changed, charge, kind)
  local key, hits, algorithm = charge[1], charge[3], charge[4]
  local counter = counter_of(key)
  release(counter, algorithm, charge, 6)
  local before, states, room, does_fit = changed[key] or counter.states, {}, nil, true
  local wanted = kind == REFUND and 0 or hits
  for index = 1, #charge - 5, 3 do
    local limit, length = charge[index + 5], charge[index + 6]
    local at, current, previous, now, earlier, finish =
      roll(algorithm, limit, length, before[index] or 0, before[index + 1] or 0, before[index + 2] or 0)
    if not at then return nil end
    local capacity, count = limit, used(algorithm, length, at, current, previous, now, earlier, finish)
    if algorithm == BUCKET then
      capacity = limit > 0 and charge[index + 7] or limit
      if current + wanted * length > capacity * length then does_fit = false end
    elseif count + wanted > capacity then
      does_fit = false
    end
    if kind == COUNT then
      room = room or {}
      room[index] = max(0, min(hits, capacity + 1 - count))
    end
    states[index], states[index + 1], states[index + 2] = at, current, previous
  end
  if hits == 0 or kind == LOOK or (kind == TAKE and not does_fit) then return does_fit, states end
  for index = 1, #states, 3 do
    local amount = room and room[index] or kind == REFUND and -hits or hits
    if algorithm == BUCKET then amount = amount * charge[index + 6] end
    states[index + 1] = max(0, states[index + 1] + amount)
  end
  changed[key] = states
  return does_fit, states
end

local reply, answers = { clock }, 1

local function answer(number)
  answers = answers + 1
  reply[answers] = number
end

local function take(item)
  local all = item[1] == 1
  local found, left, changed, do_all_fit = {}, {}, {}, true
  for index = 2, #item do
    local kind = item[index][2]
    local does_fit, states = carry_out(changed, item[index], kind)
    if does_fit == nil then answer(2) return end
    found[index], left[index] = does_fit, states
    if not does_fit and kind ~= COUNT and kind ~= REFUND then do_all_fit = false end
  end
  local is_taken = do_all_fit or not all
  if not is_taken then
    -- Nothing is taken; what counts in any case is carried out as if there had been no take.
    changed = {}
    for index = 2, #item do
      local kind = item[index][2]
      local _, states = carry_out(changed, item[index], kind == TAKE and LOOK or kind)
      left[index] = states
    end
  end
  answer(do_all_fit and 1 or 0)
  for index = 2, #item do
    local charge = item[index]
    local states = changed[charge[1]]
    if states then keep(counter_of(charge[1]), states, charge[4], charge, 6) end
    if charge[5] ~= 0 and charge[2] == TAKE and charge[3] > 0 and is_taken and found[index] then
      hold(counter_of(charge[1]), charge, left[index])
    end
    answer(found[index] and 1 or 0)
    local numbers = left[index]
    for at = 1, #numbers do answer(numbers[at]) end
  end
end

local function settle(item)
  local counter, algorithm = counter_of(item[2]), item[3]
  release(counter, algorithm, item, 7)
  local is_held = call('ZREM', counter.key .. ':held', item[4]) == 1
  if is_held then correct(counter, item[5], item[6], algorithm, item, 7) end
  answer(is_held and 1 or 0)
end

local function reset(item)
  local key = KEYS[item[2]]
  local was_changed = counters[item[2]] and counters[item[2]].item
  local count = call('DEL', key, key .. ':held')
  counters[item[2]] = { key = key, states = {}, first = 0, last = 0 }
  answer((count > 0 or was_changed) and 1 or 0)
end

for _, item in ipairs(cjson.decode(ARGV[1])) do
  if item[1] < 2 then take(item) elseif item[1] == 2 then settle(item) else reset(item) end
end

for _, counter in pairs(counters) do
  if counter.item then write(counter) end
end

return reply
`;

export const SCRIPT = {
  text: LUA,
  /** By which Redis knows it (EVALSHA). */
  sha: createHash("sha1").update(LUA).digest("hex"),
} as const;
