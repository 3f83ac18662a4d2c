/* Where a connection's credential goes. Private to this folder. */
#ifndef CONNEK_CONFIG_DESTINATION_H
#define CONNEK_CONFIG_DESTINATION_H

#include "config/apply.h"

/* The hosts that get it, or the program: a text to be compared. Empty: nothing gets one, or it cannot be told. */
enum err_code destination_of(struct apply *apply, const struct connector_record *connector, struct str settings,
                             struct str captured, struct str *ret_destination) MUST_CHECK;
/* The connector as it was before this apply; NULL: it was not there. */
const struct connector_record *destination_old_connector(const struct apply *apply, struct str id);
/* Of connections that the file does not name, whose connector it changes: what was entered for one place is not sent to
 * another. Runs behind apply_connections. */
enum err_code destination_check_others(struct apply *apply) MUST_CHECK;
/* What a service granted to the connection is forgotten: it was for another place, or another person. */
enum err_code destination_disconnect(struct apply *apply, const struct connection_record *connection) MUST_CHECK;

#endif
