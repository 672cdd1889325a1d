// The encrypted connection under the WebSocket, with what it needs to stay alive as long as it does.
#pragma once

#include "agent/uplink/corked_stream.hpp"
#include "common/tls/tls.hpp"

#include <memory>
#include <string>

namespace relay::uplink {

struct tls_stream {
    tls::context_ptr context; // first here, last to go
    std::unique_ptr<tls::peer_check> check;
    std::shared_ptr<corked_stream::core> core;
};

} // namespace relay::uplink
