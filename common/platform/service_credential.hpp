// Credentials of a service, encrypted by systemd for this machine alone (systemd-creds(1)).
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <string>

namespace relay::platform {

enum class encryption {
    possible,
    needs_root, // the machine's key is root's
    absent,     // no systemd-creds on this machine
};

encryption credential_encryption();
// Whether systemd runs this machine, and so can hand a credential to a service.
bool run_by_systemd();

// `value` as LoadCredentialEncrypted= takes it under `name`; makes the machine's key where there is none yet. Blocks for
// as long as a TPM takes. Errors: errc::bad_credentials_source.
result<std::string> encrypt_credential(const std::string& name, const secret& value);

} // namespace relay::platform
