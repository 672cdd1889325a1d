// Tells once that the queue does not work, and once that it does again.
#pragma once

#include "common/async/async.hpp"

#include <spdlog/logger.h>

#include <string_view>

namespace relay::watch {

class store_trouble {
public:
    // `what` is told when the queue works: "changes are told". A literal. `log` outlives this.
    store_trouble(spdlog::logger& log, std::string_view what) : log_(log), what_(what) {}

    // How the last request to the store ended.
    void note(error_code ec)
    {
        const bool bad = ec.failed();
        if (bad && !failing_)
            log_.warn("watch: {} when the queue works again: {}", what_, ec.message());
        else if (!bad && failing_)
            log_.info("watch: the queue works again, {}", what_);
        failing_ = bad;
    }

private:
    spdlog::logger& log_;
    std::string_view what_;
    bool failing_ = false;
};

} // namespace relay::watch
