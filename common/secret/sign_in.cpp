#include "common/secret/sign_in.hpp"

#include "common/text/text.hpp"

namespace relay {

secret basic_authorization(std::string_view user, const secret& password)
{
    // Nothing may be moved to a larger buffer, which would leave a copy behind.
    std::string plain;
    plain.reserve(user.size() + 1 + password.reveal().size());
    plain.append(user).append(":").append(password.reveal());
    std::string coded = to_base64(plain);
    wipe(plain);
    std::string header = "Basic " + coded;
    wipe(coded);
    return secret::take(header);
}

} // namespace relay
