-- Sends a script's form again and again, each with a number of its own, so that each is a job.
-- Arguments: the form's token, the address of the site as browsers say it.
local token, origin
local threads = 0

function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

function init(arguments)
    token, origin = arguments[1], arguments[2]
    math.randomseed(os.time() * 1000 + id)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "multipart/form-data; boundary=XX"
    wrk.headers["Origin"] = origin
end

local function part(name, value)
    return "--XX\r\nContent-Disposition: form-data; name=\"" .. name .. "\"\r\n\r\n" .. value .. "\r\n"
end

function request()
    local nonce = ""
    for _ = 1, 4 do nonce = nonce .. string.format("%08x", math.random(0, 0x7fffffff)) end
    local body = part("token", token) .. part("nonce", nonce) .. part("param_text", "x") .. "--XX--\r\n"
    return wrk.format(nil, nil, nil, body)
end
