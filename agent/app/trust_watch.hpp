// Tells log and audit whenever others count as the cloud than before, whoever changed it: a renewal, an enrolment, an administrator.
#pragma once

#include "agent/enrolment/renewal.hpp"
#include "agent/enrolment/trusted_ca.hpp"
#include "agent/store/loop/audit_log.hpp"
#include "common/async/notifier.hpp"

#include <filesystem>
#include <functional>

namespace spdlog {
class logger;
}

namespace relay::app {

// Loop thread only; what is passed outlives it.
class trust_watch {
public:
    struct parts {
        store::audit_log& audit;
        spdlog::logger& log;
        enrolment::renewal::off_loop disk;
        std::function<enrolment::trust_files()> now; // that count
    };

    // `noted`: the file that keeps what counted last.
    trust_watch(const asio::any_io_executor& executor, std::filesystem::path noted, parts p);

    // There is a reason to look.
    void changed() { changed_.notify(); }
    // Looks at the start and after each change, until it is cancelled.
    task<void> run();

private:
    task<void> look();
    void tell(store::audit_log::trust what, const std::vector<std::string>& which, bool first_time);

    std::filesystem::path noted_;
    parts parts_;
    notifier changed_;
};

} // namespace relay::app
