#include "common/error/error.hpp"

#include <string>

namespace relay {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class failure_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay.failure"; }
    std::string message(int value) const override
    {
        switch (static_cast<failure>(value)) {
        case failure::transient:
            return "transient failure";
        case failure::permanent:
            return "permanent failure";
        case failure::unauthorized:
            return "unauthorized";
        }
        return "unknown failure";
    }
};

const failure_category failures;

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class relay_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay"; }

    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) {
        case errc::bad_mailbox_address:
            return "not an SMTP address";
        case errc::bad_time:
            return "not an RFC 3339 time";
        case errc::bad_time_zone:
            return "not an IANA time zone";
        case errc::bad_utf8:
            return "not valid UTF-8";
        case errc::frame_too_large:
            return "message over max_message_bytes";
        case errc::link_dead:
            return "nothing arrived for two heartbeats";
        case errc::link_closed:
            return "closed by the peer";
        case errc::protocol_violation:
            return "the peer does not speak workestra.relay.v1";
        case errc::proxy_refused:
            return "the proxy refused to connect";
        case errc::proxy_auth_required:
            return "the proxy wants another sign-in";
        case errc::certificate_name_mismatch:
            return "the certificate is for another name";
        case errc::store_full:
            return "no space left for the queue";
        case errc::store_read_only:
            return "the data folder cannot be written";
        case errc::store_corrupt:
            return "the queue file is damaged";
        case errc::store_io:
            return "reading or writing the queue file failed";
        case errc::store_newer:
            return "the queue file was written by a newer version";
        case errc::store_locked:
            return "another agent runs on this data folder";
        case errc::not_found:
            return "not found";
        case errc::bad_certificate:
            return "unreadable certificate or key";
        case errc::bad_credentials_source:
            return "no usable password";
        }
        return "unknown error";
    }

    boost::system::error_condition default_error_condition(int value) const noexcept override
    {
        switch (static_cast<errc>(value)) {
        case errc::link_dead:
        case errc::link_closed:
        case errc::proxy_refused:
        case errc::store_full:
        case errc::store_read_only:
        case errc::store_io:
            return failure::transient;
        case errc::proxy_auth_required:
            return failure::unauthorized;
        default:
            return failure::permanent;
        }
    }
};

const relay_category relay_errors;

} // namespace

error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), relay_errors};
}

boost::system::error_condition make_error_condition(failure f) noexcept
{
    return {static_cast<int>(f), failures};
}

} // namespace relay
