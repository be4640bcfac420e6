-- A script of wrk that replays the requests of a file in turn. Each line is METHOD, PATH and BODY, with tabs between.
-- Sixteen at-signs in a line become a number that no other request has, of as many digits.
-- wrk … -s replay.lua URL -- FILE FIRST_NUMBER

local mark = string.rep("@", 16)
local requests, marked, turn, number = {}, {}, 0, 0

function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+)\t(%S+)\t(.*)$")
    local text = wrk.format(method, path, headers, body ~= "" and body or nil)
    requests[#requests + 1] = text
    marked[#marked + 1] = text:find(mark, 1, true) ~= nil
  end
  number = tonumber(args[2])
end

function request()
  turn = turn % #requests + 1
  if not marked[turn] then return requests[turn] end
  number = number + 1
  return (requests[turn]:gsub(mark, string.format("%.0f", number)))
end

-- Times in milliseconds. "failed" counts answers of 400 and above, "broken" what came to no answer.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
