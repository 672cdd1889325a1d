// Looks an NTLM challenge over before the security library sees it.
#pragma once

#include <string_view>

namespace relay::signin {

// True where `token` holds no NTLM CHALLENGE_MESSAGE (MS-NLMP, 2.2.1.2; Kerberos tokens), or one that is sound: a target
// name that is not empty, fields inside the message, target info made of whole AV_PAIRs up to MsvAvEOL. gss-ntlmssp 1.2
// follows a null pointer where the target name is empty, and Windows always sends one.
bool sound_ntlm_challenge(std::string_view token) noexcept;

} // namespace relay::signin
