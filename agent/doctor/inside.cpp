#include "agent/doctor/inside.hpp"

#include "agent/doctor/local_files.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

namespace relay::doctor {

report look_at_own_files(const config::settings& s, const tls::credential_files& files, utc_time now)
{
    return {{"configuration", true, "read and checked when the agent started, or at its last reload", {}},
            file_permissions(s),
            data_folder(s.agent.data_dir),
            certificate(files, now)};
}

check own_queue(const std::optional<store::queue_status>& queue)
{
    check c{"queue_file", queue.has_value(), {}, {}};
    if (queue) {
        c.message =
            fmt::format("the queue answers: {} commands without a result, {} results to be acknowledged",
                        queue->unfinished, queue->unacked);
    } else {
        c.message = "the queue fails or does not answer in time";
        c.advice = "Look at the agent's log and at the disk that agent.data_dir is on.";
    }
    return c;
}

check own_log(std::uint64_t lines_lost, const std::string& trouble)
{
    if (trouble.empty())
        return {"log", true, fmt::format("the log is written; {} lines were lost so far", lines_lost), {}};
    return {"log", false,
            fmt::format("the log cannot be written: {}; {} lines are lost so far", trouble, lines_lost),
            "Make room on the disk that log.file is on, or see that whoever reads the log reads on."};
}

check own_link(const uplink::link_status& link)
{
    const bool up = link.state == uplink::link_state::connected;
    check c{"cloud_link",
            up,
            fmt::format("{} {} since {}", uplink::name(link.state), link.url, format_rfc3339(link.since)),
            {}};
    if (up && link.rtt)
        c.message += fmt::format("; the last ping took {} ms", link.rtt->count());
    if (!up) {
        c.message += link.last_error.empty() ? std::string() : ": " + link.last_error;
        c.advice = "On the agent's machine run: workestra-relay doctor";
    }
    return c;
}

} // namespace relay::doctor
