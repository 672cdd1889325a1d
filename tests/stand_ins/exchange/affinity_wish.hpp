// Which mailbox server a request asks for.
#pragma once

#include <string>

namespace relay::exchange_sim {

// What a request says about the server it wants to talk to.
struct affinity_wish {
    std::string anchor; // X-AnchorMailbox
    bool preferred = false;
    std::string cookie; // X-BackEndOverrideCookie, as a cookie or a header
};

} // namespace relay::exchange_sim
