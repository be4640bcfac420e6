-- A script of wrk that replays the requests of a file in turn. Each line is METHOD, PATH and BODY, with tabs between.
-- Sixteen at-signs in a line become a number that no other request has, of as many digits.
-- wrk … -s replay.lua URL -- FILE FIRST_NUMBER

local mark = string.rep("@", 16)
-- Of each request its text, in pieces where it is marked.
local requests, turn, number = {}, 0, 0

local function split(text)
  local pieces, from = {}, 1
  for at in text:gmatch("()" .. mark) do
    pieces[#pieces + 1] = text:sub(from, at - 1)
    from = at + #mark
  end
  pieces[#pieces + 1] = text:sub(from)
  return pieces
end

function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+)\t(%S+)\t(.*)$")
    requests[#requests + 1] = split(wrk.format(method, path, headers, body ~= "" and body or nil))
  end
  number = tonumber(args[2])
end

function request()
  turn = turn % #requests + 1
  local pieces = requests[turn]
  if #pieces == 1 then return pieces[1] end
  number = number + 1
  return table.concat(pieces, string.format("%.0f", number))
end

-- Times in milliseconds. "failed" counts answers of 400 and above, "broken" what came to no answer.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
