#include "agent/http/cause.hpp"

#include <string>

namespace relay::http {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class cause_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay.http"; }

    std::string message(int value) const override
    {
        switch (static_cast<cause>(value)) {
        case cause::bad_settings:
            return "the settings allow no request";
        case cause::unreachable:
            return "the server cannot be reached";
        case cause::tls_failed:
            return "TLS failed";
        case cause::timed_out:
            return "no answer in time";
        case cause::connection_lost:
            return "the connection ended before the answer did";
        case cause::bad_answer:
            return "the answer is not HTTP";
        case cause::answer_too_large:
            return "the answer is too large";
        case cause::queue_full:
            return "too many requests wait for a connection";
        case cause::mixed_up:
            return "the answer belongs to another request";
        case cause::sign_in_failed:
            return "signing in could not be carried out";
        case cause::too_late:
            return "the request came too late to be sent";
        }
        return "unknown error";
    }

    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        switch (static_cast<cause>(value)) {
        case cause::bad_settings:
        case cause::answer_too_large:
        case cause::too_late:
            return failure::permanent;
        case cause::sign_in_failed:
            return failure::unauthorized;
        default:
            return failure::transient;
        }
    }
};

const cause_category causes;

} // namespace

error_code make_error_code(cause c) noexcept
{
    return {static_cast<int>(c), causes};
}

} // namespace relay::http
