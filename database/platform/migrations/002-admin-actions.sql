-- Up Migration
-- What admins do, each as one function: the action and its audit record are one transaction, so neither is without the other.

CREATE FUNCTION record_admin_action(
  admin text, action text, target_type text, target text, changes jsonb, context jsonb
) RETURNS void LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
DECLARE
  who admins%ROWTYPE;
BEGIN
  SELECT * INTO who FROM admins WHERE id = admin;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'admin % is not known; expected an id of platform.admins', admin;
  END IF;
  PERFORM barometer_audit.record(
    actor => jsonb_build_object('type', 'admin', 'id', who.id, 'name', who.name, 'email', who.email),
    action => record_admin_action.action,
    target => jsonb_build_object('type', target_type, 'id', record_admin_action.target),
    context => coalesce(record_admin_action.context, '{}'::jsonb),
    changes => record_admin_action.changes
  );
END $$;

-- An action that finds nothing to act on is an error: a record of what did not happen would be as wrong as none.
CREATE FUNCTION refuse_unknown(what text, target text, expected text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% % is not there; expected %', what, target, expected USING ERRCODE = 'no_data_found';
END $$;

CREATE FUNCTION admin_suspend_user(admin text, target bigint, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  UPDATE users SET suspended_at = now(), updated_at = clock_timestamp()
  WHERE id = target AND deleted_at IS NULL AND suspended_at IS NULL;
  IF NOT FOUND THEN PERFORM refuse_unknown('user', target::text, 'one that is neither deleted nor suspended'); END IF;
  PERFORM record_admin_action(admin, 'user.suspend', 'user', target::text, '{"before": {"suspended": false}, "after": {"suspended": true}}', context);
END $$;

CREATE FUNCTION admin_delete_user(admin text, target bigint, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  UPDATE users SET deleted_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = target AND deleted_at IS NULL;
  IF NOT FOUND THEN PERFORM refuse_unknown('user', target::text, 'one that is not deleted'); END IF;
  PERFORM record_admin_action(admin, 'user.delete', 'user', target::text, '{"before": {"deleted": false}, "after": {"deleted": true}}', context);
END $$;

CREATE FUNCTION admin_grant_credits(admin text, target bigint, credits bigint, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  INSERT INTO credit_ledger (user_id, created_at, kind, credits)
  SELECT id, clock_timestamp(), 'granted', admin_grant_credits.credits FROM users WHERE id = target AND deleted_at IS NULL;
  IF NOT FOUND THEN PERFORM refuse_unknown('user', target::text, 'one that is not deleted'); END IF;
  PERFORM record_admin_action(admin, 'credits.grant', 'user', target::text,
    jsonb_build_object('before', '{}'::jsonb, 'after', jsonb_build_object('credits', admin_grant_credits.credits)), context);
END $$;

CREATE FUNCTION admin_refund_payment(admin text, target uuid, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
DECLARE
  refund refunds%ROWTYPE;
BEGIN
  INSERT INTO refunds (payment_id, user_id, refunded_at, amount_minor, currency)
  SELECT id, user_id, clock_timestamp(), amount_minor, currency FROM payments WHERE id = target
  RETURNING * INTO refund;
  IF NOT FOUND THEN PERFORM refuse_unknown('payment', target::text, 'one of platform.payments'); END IF;
  PERFORM record_admin_action(admin, 'payment.refund', 'payment', target::text, jsonb_build_object('before', '{}'::jsonb,
    'after', jsonb_build_object('refunded_minor', refund.amount_minor, 'currency', refund.currency)), context);
END $$;

CREATE FUNCTION admin_delete_character(admin text, target bigint, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  UPDATE characters SET deleted_at = clock_timestamp(), updated_at = clock_timestamp()
  WHERE id = target AND deleted_at IS NULL;
  IF NOT FOUND THEN PERFORM refuse_unknown('character', target::text, 'one that is not deleted'); END IF;
  PERFORM record_admin_action(admin, 'character.delete', 'character', target::text, '{"before": {"deleted": false}, "after": {"deleted": true}}', context);
END $$;

CREATE FUNCTION admin_close_bug_report(admin text, target bigint, context jsonb DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  UPDATE bug_reports SET status = 'closed', updated_at = clock_timestamp() WHERE id = target AND status = 'open';
  IF NOT FOUND THEN PERFORM refuse_unknown('bug report', target::text, 'one that is open'); END IF;
  PERFORM record_admin_action(admin, 'bug_report.close', 'bug_report', target::text, '{"before": {"status": "open"}, "after": {"status": "closed"}}', context);
END $$;

CREATE FUNCTION admin_decide_influencer_request(
  admin text, target bigint, decision text, context jsonb DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SET search_path = platform, pg_temp AS $$
BEGIN
  IF decision IS NULL OR decision NOT IN ('approved', 'rejected') THEN
    RAISE EXCEPTION 'the decision is %; expected approved or rejected', decision USING ERRCODE = 'invalid_parameter_value';
  END IF;
  UPDATE influencer_requests SET status = decision, updated_at = clock_timestamp() WHERE id = target AND status = 'pending';
  IF NOT FOUND THEN PERFORM refuse_unknown('influencer request', target::text, 'one that is pending'); END IF;
  PERFORM record_admin_action(admin, CASE decision WHEN 'approved' THEN 'influencer_request.approve' ELSE 'influencer_request.reject' END,
    'influencer_request', target::text, jsonb_build_object('before', '{"status": "pending"}'::jsonb, 'after', jsonb_build_object('status', decision)), context);
END $$;

-- Down Migration

DROP FUNCTION admin_decide_influencer_request, admin_close_bug_report, admin_delete_character, admin_refund_payment,
  admin_grant_credits, admin_delete_user, admin_suspend_user, refuse_unknown, record_admin_action;
