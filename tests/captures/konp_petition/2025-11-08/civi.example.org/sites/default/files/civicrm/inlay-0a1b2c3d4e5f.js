(() => { if (!window.CiviCRMInlay) { window.CiviCRMInlay = { inlays: {} }; } CiviCRMInlay.app.bundleInfo(1762434000000, "0a1b2c3d4e5f"); })();
window.inlayPetitionInit = inlay => { inlay.ready = true; };
((i) => { i.inlays["0a1b2c3d4e5f"] = {"uxMode":"petition","publicTitle":"Independent review now","introHTML":"<p>\u201cOne size\u201d does not fit all.<\/p>","socials":["email"],"init":"inlayPetitionInit","count":628,"inlayEndpoint":"https:\/\/keepournhspublic.com\/civicrm\/inlay-api"}; i.app.bootWhenReady(); })(window.CiviCRMInlay);
