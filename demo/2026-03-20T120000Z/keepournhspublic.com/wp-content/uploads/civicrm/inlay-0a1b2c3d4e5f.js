(() => { CiviCRMInlay.app.bundleInfo(1778000000000, "0a1b2c3d4e5f"); })();
((i) => { i.inlays["0a1b2c3d4e5f"] = {"publicTitle":"One Size Does Not Fit All","init":"inlayPetitionInit","count":628,"socials":["email"]}; i.app.bootWhenReady(); })(window.CiviCRMInlay);
