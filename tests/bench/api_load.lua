-- SPDX-License-Identifier: GPL-2.0-or-later
-- For wrk: asks for one path after the other, by PATCH for something new each time, and prints what
-- came of it as JSON. Environment: TOKEN; METHOD, GET or PATCH; PATHS, a file of them.
local paths = {}
for path in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = path end
local method, n = os.getenv("METHOD"), 0
local headers = { Authorization = "Bearer " .. os.getenv("TOKEN"), ["Content-Type"] = "application/json" }

function request()
	n = n + 1
	return wrk.format(method, paths[n % #paths + 1], headers,
		method == "PATCH" and string.format('{"description":"%d"}', n) or nil)
end

function done(summary, latency)
	local e = summary.errors

	io.write(string.format('{"rate":%f,"p50":%f,"p99":%f,"bad":%d}\n', summary.requests * 1e6 / summary.duration,
		latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
		e.connect + e.read + e.write + e.status + e.timeout))
end
