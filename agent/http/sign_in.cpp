// NTLM and Negotiate: signing a connection in, after which requests on it need no header.
#include "agent/http/account.hpp"

#include "agent/http/cause.hpp"

namespace relay::http {

void account::per_connection(signed_connection&, job& j)
{
    j.result = failed{cause::sign_in_failed, reached::nothing, "this build signs in with Basic only"};
}

} // namespace relay::http
