// Answers to enrolling and renewing: whatever arrives, it is a grant that keeps what was promised, or a sentence.
#include "agent/enrolment/answer.hpp"
#include "common/config/enrolment_record.hpp"
#include "common/text/text.hpp"

#include <cstdlib>

using namespace relay;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    static const auto mine = enrolment::make_key_request("fuzz");
    constexpr std::string_view token = "t0ken";
    const std::string text(reinterpret_cast<const char*>(bytes), size);
    const utc_time now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22};
    for (const int status : {200, 403}) {
        const auto read = enrolment::read_answer({status, text, now}, mine->key, now,
                                                 enrolment::occasion::enrolling, token);
        if (read.has_value()) {
            require(status == 200 && read->facts.matches_key && !read->agent_id.empty());
            continue;
        }
        require(is_utf8(read.error().message) && read.error().message.find('\n') == std::string::npos);
        if (status == 403)
            require(read.error().message.find(token) == std::string::npos);
    }
    if (const auto record = config::parse_enrolment_record(text, "/pki"))
        require(config::parse_enrolment_record(config::to_json(*record, "/pki"), "/pki").has_value());
    return 0;
}
