// What the parts that watch have to say to one another; who owns them passes it on.
#pragma once

#include "common/text/mailbox_address.hpp"

namespace relay::watch {

// Called on the loop thread; must not wait.
class watch_listener {
public:
    // Something may be new there; also after any time in which it was not followed. Several at once may mean the same.
    virtual void mailbox_changed(const mailbox_address& mailbox) = 0;
    // streams::covers() may answer otherwise now.
    virtual void coverage_changed() = 0;
    // event_watcher::mailboxes() is another now.
    virtual void tracked_mailboxes_changed() = 0;

protected:
    ~watch_listener() = default;
};

} // namespace relay::watch
