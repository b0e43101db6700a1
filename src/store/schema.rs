//! Tables as diesel sees them; one for both databases. The migrations are the source.

diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        name -> Text,
        partition -> Text,
        label -> Text,
        role -> Nullable<Text>,
        external_id -> Nullable<Text>,
        regions -> Text,
        canonical_id -> Nullable<Text>,
        canonical_name -> Nullable<Text>,
        contacts -> Text,
        notes -> Text,
        weight -> BigInt,
        active -> Bool,
        declared -> Bool,
        baseline_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        changed_at -> Timestamp,
        removed_at -> Nullable<Timestamp>,
        found_by -> Nullable<Text>,
    }
}

diesel::table! {
    items (account, arn) {
        account -> Text,
        arn -> Text,
        region -> Text,
        technology -> Text,
        name -> Text,
        active -> Bool,
        revision -> BigInt,
        config_hash -> Text,
        absent -> BigInt,
        first_seen -> Timestamp,
        last_modified -> Timestamp,
    }
}

diesel::table! {
    item_revisions (account, arn, number) {
        account -> Text,
        arn -> Text,
        number -> BigInt,
        seen_at -> Timestamp,
        config -> Text,
    }
}

diesel::table! {
    records (id) {
        id -> BigInt,
        account -> Text,
        group_key -> Text,
        weakness_id -> Text,
        weakness_kind -> Text,
        title -> Text,
        original_severity -> Text,
        severity -> Nullable<Text>,
        rating -> Nullable<Text>,
        score -> BigInt,
        unjustified_score -> BigInt,
        status -> Text,
        detected_at -> Timestamp,
        due -> Nullable<Date>,
        due_rule -> Text,
        opened_at -> Timestamp,
        closed_at -> Nullable<Timestamp>,
        changed_at -> Timestamp,
        previous -> Nullable<BigInt>,
        superseded_by -> Nullable<BigInt>,
        claimed_at -> Nullable<Timestamp>,
        adjusted_severity -> Nullable<Text>,
        held_due -> Nullable<Date>,
        held_rule -> Nullable<Text>,
    }
}

diesel::table! {
    findings (id) {
        id -> BigInt,
        account -> Text,
        fingerprint -> Text,
        region -> Text,
        source -> Text,
        weakness_id -> Text,
        weakness_kind -> Text,
        title -> Text,
        description -> Text,
        remediation -> Text,
        severity -> Nullable<Text>,
        score -> BigInt,
        status -> Text,
        at_source -> Nullable<Text>,
        marks -> Text,
        sample -> Bool,
        opened -> Bool,
        justified -> Bool,
        requirements -> Text,
        arn -> Text,
        resources -> Text,
        detail -> Text,
        record_id -> Nullable<BigInt>,
        detected_at -> Timestamp,
        first_seen -> Timestamp,
        last_seen -> Timestamp,
        closed_at -> Nullable<Timestamp>,
        changed_at -> Timestamp,
        taken_at -> Timestamp,
        joined_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    finding_reports (finding_id, report_key) {
        finding_id -> BigInt,
        account -> Text,
        report_key -> BigInt,
        native_id -> Text,
        cell -> Text,
        channel -> Text,
        source -> Text,
        signal -> Text,
        updated_at -> Nullable<Timestamp>,
        severity -> Nullable<Text>,
        rated_at -> Nullable<Timestamp>,
        stated -> Nullable<Text>,
        stated_at -> Nullable<Timestamp>,
        content_hash -> BigInt,
        absent -> BigInt,
        pack_id -> Nullable<BigInt>,
        pack_at -> Nullable<BigInt>,
        region -> Text,
        document -> Nullable<Binary>,
    }
}

diesel::table! {
    planner_queue (account, weakness_id) {
        account -> Text,
        weakness_id -> Text,
    }
}

diesel::table! {
    justifications (id) {
        id -> BigInt,
        record_id -> BigInt,
        desk -> Text,
        ticket_key -> Text,
        comment_id -> Text,
        author_id -> Text,
        author -> Text,
        reason -> Text,
        verbatim -> Text,
        verbatim_sha256 -> Text,
        state -> Text,
        commented_at -> Timestamp,
        accepted_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    justified_findings (justification_id, account, fingerprint) {
        justification_id -> BigInt,
        account -> Text,
        fingerprint -> Text,
    }
}

diesel::table! {
    tickets (id) {
        id -> BigInt,
        record_id -> BigInt,
        desk -> Text,
        generation -> BigInt,
        marker_key -> Text,
        marker_label -> Text,
        link -> Text,
        remote_id -> Nullable<Text>,
        remote_key -> Nullable<Text>,
        url -> Nullable<Text>,
        state -> Nullable<Text>,
        status -> Nullable<Text>,
        version -> Nullable<Text>,
        comments_version -> Nullable<Text>,
        comments_read_at -> Nullable<Timestamp>,
        probe_after -> Nullable<Text>,
        written -> Text,
        seen -> Text,
        created_at -> Timestamp,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        desk -> Text,
        ticket_id -> BigInt,
        kind -> Text,
        idempotency -> Text,
        payload -> Text,
        state -> Text,
        attempt -> BigInt,
        unclear -> BigInt,
        not_before -> Timestamp,
        lease_holder -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        error -> Nullable<Text>,
        created_at -> Timestamp,
        settled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    inbox_comments (desk, comment_id, content_hash) {
        desk -> Text,
        comment_id -> Text,
        content_hash -> Text,
        ticket_id -> BigInt,
        author_id -> Text,
        verdict -> Text,
        detail -> Text,
        commented_at -> Timestamp,
        read_at -> Timestamp,
    }
}

diesel::table! {
    mails (id) {
        id -> BigInt,
        report -> Text,
        period -> Text,
        message_id -> Text,
        subject -> Text,
        sender -> Text,
        recipients -> Text,
        bytes -> Binary,
        sha256 -> Text,
        queued_event -> BigInt,
        state -> Text,
        attempt -> BigInt,
        not_before -> Timestamp,
        lease_holder -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        error -> Nullable<Text>,
        answer -> Nullable<Text>,
        created_at -> Timestamp,
        settled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    runs (id) {
        id -> BigInt,
        job -> Text,
        started_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        outcome -> Nullable<Text>,
        counts -> Text,
    }
}

diesel::table! {
    coverage (account, region, service) {
        account -> Text,
        region -> Text,
        service -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        since -> Timestamp,
        last_run -> BigInt,
        last_complete -> Nullable<Timestamp>,
        previous_full -> Nullable<Timestamp>,
        last_full -> Nullable<Timestamp>,
        blind_since -> Nullable<Timestamp>,
    }
}

diesel::table! {
    pulls (account, region, source) {
        account -> Text,
        region -> Text,
        source -> Text,
        scope -> Text,
        watermark -> Nullable<Timestamp>,
        full_at -> Nullable<Timestamp>,
        cuts -> Text,
        look -> Nullable<Text>,
    }
}

diesel::table! {
    pull_shown (account, region, source, part) {
        account -> Text,
        region -> Text,
        source -> Text,
        part -> BigInt,
        prints -> Binary,
    }
}

diesel::table! {
    set_aside (id) {
        id -> BigInt,
        run_id -> BigInt,
        place -> Text,
        reason -> Text,
        excerpt -> Text,
        seen_at -> Timestamp,
        content_hash -> Text,
        dismissed_at -> Nullable<Timestamp>,
        dismissed_by -> Nullable<Text>,
        dismissed_why -> Nullable<Text>,
    }
}

diesel::table! {
    schedule (job) {
        job -> Text,
        expression -> Text,
        next_due -> Timestamp,
        last_started -> Nullable<Timestamp>,
        last_finished -> Nullable<Timestamp>,
        last_outcome -> Nullable<Text>,
    }
}

diesel::table! {
    leases (shard) {
        shard -> Text,
        holder -> Text,
        epoch -> BigInt,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    audit (n) {
        n -> BigInt,
        at -> Timestamp,
        actor -> Text,
        kind -> Text,
        subject -> Text,
        body -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    audit_changes (n) {
        n -> BigInt,
        changes -> Text,
    }
}

diesel::table! {
    audit_head (id) {
        id -> BigInt,
        n -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    record_facts (id) {
        id -> BigInt,
        record_id -> BigInt,
        name -> Text,
        value -> Text,
        why -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    milestones (id) {
        id -> BigInt,
        record_id -> BigInt,
        number -> BigInt,
        description -> Text,
        due -> Date,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    milestone_changes (id) {
        id -> BigInt,
        record_id -> BigInt,
        number -> BigInt,
        kind -> Text,
        description -> Text,
        due -> Nullable<Date>,
        why -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    deviations (id) {
        id -> BigInt,
        record_id -> BigInt,
        kind -> Text,
        state -> Text,
        live -> Bool,
        severity -> Nullable<Text>,
        rationale -> Text,
        mitigations -> Text,
        requested_by -> Text,
        requested_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
        expires -> Nullable<Date>,
        from_severity -> Nullable<Text>,
        decided_by -> Nullable<Text>,
    }
}

diesel::table! {
    deviation_steps (id) {
        id -> BigInt,
        deviation_id -> BigInt,
        state -> Text,
        note -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    vendor_dependencies (id) {
        id -> BigInt,
        record_id -> BigInt,
        product -> Text,
        vendor -> Text,
        live -> Bool,
        actor -> Text,
        since -> Timestamp,
        released -> Nullable<Date>,
        ended_at -> Nullable<Timestamp>,
        released_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    vendor_checkins (id) {
        id -> BigInt,
        dependency_id -> BigInt,
        day -> Date,
        note -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    record_comments (id) {
        id -> BigInt,
        record_id -> BigInt,
        body -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    blobs (sha256) {
        sha256 -> Text,
        size -> BigInt,
        zstd -> Binary,
    }
}

diesel::table! {
    evidence (id) {
        id -> BigInt,
        record_id -> BigInt,
        deviation_id -> Nullable<BigInt>,
        kind -> Text,
        name -> Text,
        media_type -> Text,
        sha256 -> Text,
        note -> Text,
        actor -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    record_versions (id) {
        id -> BigInt,
        record_id -> BigInt,
        until -> Timestamp,
        was -> Text,
    }
}

diesel::table! {
    finding_versions (id) {
        id -> BigInt,
        account -> Text,
        fingerprint -> Text,
        until -> Timestamp,
        was -> Text,
    }
}

diesel::table! {
    finding_text_versions (id) {
        id -> BigInt,
        account -> Text,
        fingerprint -> Text,
        until -> Timestamp,
        was -> Text,
    }
}

diesel::table! {
    item_versions (id) {
        id -> BigInt,
        account -> Text,
        arn -> Text,
        until -> Timestamp,
        was -> Text,
    }
}

diesel::table! {
    ticket_versions (id) {
        id -> BigInt,
        ticket_id -> BigInt,
        until -> Timestamp,
        was -> Text,
    }
}

diesel::table! {
    writebacks (id) {
        id -> BigInt,
        account -> Text,
        native_id -> Text,
        cell -> Text,
        record_id -> BigInt,
        wanted -> Text,
        seen_hash -> BigInt,
        state -> Text,
        attempt -> BigInt,
        not_before -> Timestamp,
        sent -> Nullable<Text>,
        written -> Text,
        error -> Nullable<Text>,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    intel_files (kind) {
        kind -> Text,
        as_of -> Timestamp,
        imported_at -> Timestamp,
        entries -> BigInt,
        sha256 -> Text,
        name -> Text,
        actor -> Text,
    }
}

diesel::table! {
    intel_kev (cve, since) {
        cve -> Text,
        since -> Timestamp,
        until -> Nullable<Timestamp>,
        added -> Date,
        due -> Date,
        name -> Text,
        ransomware -> Bool,
        triage -> Nullable<Text>,
    }
}

diesel::table! {
    intel_epss (cve) {
        cve -> Text,
        epss -> BigInt,
        percentile -> BigInt,
    }
}

diesel::table! {
    intel_ssvc (cve) {
        cve -> Text,
        exploitation -> Nullable<Text>,
        automatable -> Nullable<Bool>,
        impact -> Nullable<Text>,
        at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    overrides (id) {
        id -> BigInt,
        weakness -> Nullable<Text>,
        technology -> Nullable<Text>,
        account_pattern -> Nullable<Text>,
        score -> Nullable<BigInt>,
        severity -> Nullable<Text>,
        disabled -> Bool,
        why -> Text,
        actor -> Text,
        at -> Timestamp,
        removed_at -> Nullable<Timestamp>,
        removed_by -> Nullable<Text>,
        removed_why -> Nullable<Text>,
    }
}

diesel::table! {
    evidence_packs (id) {
        id -> BigInt,
        run_id -> BigInt,
        door -> Text,
        taken_at -> Timestamp,
        event -> BigInt,
        documents -> BigInt,
        size -> BigInt,
        sha256 -> Text,
        zstd -> Binary,
    }
}

diesel::table! {
    finding_details (id) {
        id -> BigInt,
        account -> Text,
        fingerprint -> Text,
        cell -> Text,
        native_id -> Text,
        for_hash -> BigInt,
        detail -> Text,
        taken_at -> Timestamp,
        pack_id -> Nullable<BigInt>,
        pack_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    detail_rounds (cell) {
        cell -> Text,
        asked_at -> Timestamp,
        waiting -> BigInt,
        trouble -> Nullable<Text>,
    }
}

diesel::table! {
    report_versions (id) {
        id -> BigInt,
        finding_id -> BigInt,
        report_key -> BigInt,
        until -> Timestamp,
        pack_id -> BigInt,
        pack_at -> BigInt,
    }
}

diesel::table! {
    manifests (run_id, door) {
        run_id -> BigInt,
        door -> Text,
        asked -> Text,
        pages -> BigInt,
        documents -> BigInt,
        bytes -> BigInt,
        kept -> BigInt,
        set_aside -> BigInt,
        first_request -> Nullable<Text>,
        last_request -> Nullable<Text>,
        began_at -> Timestamp,
        ended_at -> Timestamp,
        sha256 -> Text,
    }
}

diesel::table! {
    feeds (name) {
        name -> Text,
        path -> Text,
        device -> BigInt,
        inode -> BigInt,
        position -> BigInt,
        head -> Text,
    }
}

diesel::joinable!(finding_reports -> findings (finding_id));

diesel::allow_tables_to_appear_in_same_query!(
    meta,
    accounts,
    feeds,
    items,
    item_revisions,
    records,
    findings,
    finding_reports,
    planner_queue,
    justifications,
    justified_findings,
    tickets,
    outbox,
    inbox_comments,
    mails,
    runs,
    coverage,
    set_aside,
    schedule,
    leases,
    audit,
    audit_changes,
    audit_head,
    record_facts,
    milestones,
    milestone_changes,
    deviations,
    deviation_steps,
    vendor_dependencies,
    vendor_checkins,
    record_comments,
    blobs,
    evidence,
    record_versions,
    finding_versions,
    finding_text_versions,
    item_versions,
    intel_files,
    intel_kev,
    intel_epss,
    intel_ssvc,
    overrides,
    ticket_versions,
    writebacks,
    evidence_packs,
    report_versions,
    manifests,
    finding_details,
    detail_rounds,
);
