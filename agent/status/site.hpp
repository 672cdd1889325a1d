// Which answer a request to the local HTTP gets (INTERFACE.md, "Local HTTP"), with no sockets in sight.
#pragma once

#include "agent/status/recorder.hpp"
#include "agent/status/snapshot.hpp"
#include "common/async/async.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace relay::status {

// Views hold until the answer is there.
struct request {
    std::string_view method, target;
    std::size_t hosts = 0; // Host headers
    std::string_view host; // the first one
};

struct reply {
    unsigned status = 200;
    std::string_view content_type = "text/plain; charset=utf-8";
    std::string body;
    std::string_view allow; // of a 405
};

// True where `host`, with a port or without, names this machine's loopback. A page of another site that had its own name
// resolve to 127.0.0.1 (DNS rebinding) still sends that name. The port says nothing: a tunnel may have another one.
bool names_loopback(std::string_view host);

// What every answer carries: nothing is cached, framed, sniffed, or loaded from elsewhere.
std::span<const std::pair<std::string_view, std::string_view>> security_headers() noexcept;

// Loop thread only.
class site {
public:
    using source = std::function<task<snapshot>()>;

    // `now` is asked for each answer that needs it. `recorded` outlives the site.
    site(source now, recorder& recorded) : now_(std::move(now)), recorded_(recorded) {}

    task<reply> answer(request r);

private:
    source now_;
    recorder& recorded_;
};

} // namespace relay::status
