-- A code that is given for an earlier grant says how and when the person has signed in this time: its tokens must not
-- claim the stronger or the older sign-in that the grant was given with.
ALTER TABLE oauth_authorization_code ADD COLUMN auth_time timestamptz, ADD COLUMN acr text;
